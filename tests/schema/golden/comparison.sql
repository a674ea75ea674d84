SELECT
    compared.rc AS rc,
    CAST(tuple(compared._current_total_customer_charge, divide(toFloat64(multiIf((compared._current_customer_currency != compared._previous_customer_currency), NULL, compared._current_total_customer_charge - compared._previous_total_customer_charge)), toFloat64(nullIf(abs(compared._previous_total_customer_charge), 0)))), 'Tuple(current Nullable(Decimal(38, 8)), relativeChange Nullable(Float64))') AS charge
FROM
(
    SELECT
        met.prefix AS prefix,
        met.rc AS rc,
        multiIf((met._rows_0 = 0), nothing.total_customer_charge, met._current_total_customer_charge) AS _current_total_customer_charge,
        multiIf((met._rows_1 = 0), nothing.total_customer_charge, met._previous_total_customer_charge) AS _previous_total_customer_charge,
        multiIf((met._rows_0 = 0), nothing.customer_currency, met._current_customer_currency) AS _current_customer_currency,
        multiIf((met._rows_1 = 0), nothing.customer_currency, met._previous_customer_currency) AS _previous_customer_currency
    FROM
    (
        SELECT
            sides.prefix AS prefix,
            sides.rc AS rc,
            anyIf(sides.total_customer_charge, sides._side = 0) AS _current_total_customer_charge,
            anyIf(sides.total_customer_charge, sides._side = 1) AS _previous_total_customer_charge,
            anyIf(sides.customer_currency, sides._side = 0) AS _current_customer_currency,
            anyIf(sides.customer_currency, sides._side = 1) AS _previous_customer_currency,
            countIf(sides._side = 0) AS _rows_0,
            countIf(sides._side = 1) AS _rows_1
        FROM
        (
            SELECT
                side_0.prefix AS prefix,
                side_0.rc AS rc,
                side_0.total_customer_charge AS total_customer_charge,
                side_0.customer_currency AS customer_currency,
                side_0._side AS _side,
                side_0._matches AS _matches
            FROM
            (
                SELECT
                    report.prefix AS prefix,
                    report.rc AS rc,
                    report.total_customer_charge AS total_customer_charge,
                    report.customer_currency AS customer_currency,
                    0 AS _side,
                    toBool(true) AS _matches
                FROM
                (
                    SELECT
                        _key_0 AS prefix,
                        _key_1 AS rc,
                        multiIf((length(mapFilter((currency, rows) -> (rows > 0), sumMap(map(_by_0, _sum_0)))) > 1), NULL, sum(_sum_1)) AS total_customer_charge,
                        multiIf((length(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMap(map(_by_0, _sum_0))))) = 1), nullIf(arrayElement(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMap(map(_by_0, _sum_0)))), 1), ''), NULL) AS customer_currency
                    FROM
                    (
                        SELECT
                            multiIf((cdr.dest_nanp > 0), toString(intDiv(cdr.dest_nanp, 10000)), toString(cdr.customer_card_dest_code)) AS _key_0,
                            dictGetOrDefault(concat({database:String}, '.rate_center_before'), 'rate_center', intDiv(cdr.dest_nanp, 1000), toUnixTimestamp64Milli(cdr.dt), dictGet(concat({database:String}, '.rate_center'), 'rate_center', intDiv(cdr.dest_nanp, 1000))) AS _key_1,
                            cdr.customer_card_currency AS _by_0,
                            sumIf(cdr.sign, cdr.customer_charge != 0) AS _sum_0,
                            sum(cdr.customer_charge * cdr.sign) AS _sum_1,
                            sum(cdr.sign) AS _sum_2
                        FROM {database:Identifier}.cdr AS cdr
                        WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
                        GROUP BY
                            multiIf((cdr.dest_nanp > 0), toString(intDiv(cdr.dest_nanp, 10000)), toString(cdr.customer_card_dest_code)),
                            dictGetOrDefault(concat({database:String}, '.rate_center_before'), 'rate_center', intDiv(cdr.dest_nanp, 1000), toUnixTimestamp64Milli(cdr.dt), dictGet(concat({database:String}, '.rate_center'), 'rate_center', intDiv(cdr.dest_nanp, 1000))),
                            cdr.customer_card_currency
                    ) AS parts
                    GROUP BY
                        _key_0,
                        _key_1
                    HAVING sum(_sum_2) > 0
                ) AS report
            ) AS side_0
            UNION ALL
            SELECT
                side_1.prefix AS prefix,
                side_1.rc AS rc,
                side_1.total_customer_charge AS total_customer_charge,
                side_1.customer_currency AS customer_currency,
                side_1._side AS _side,
                side_1._matches AS _matches
            FROM
            (
                SELECT
                    report.prefix AS prefix,
                    report.rc AS rc,
                    report.total_customer_charge AS total_customer_charge,
                    report.customer_currency AS customer_currency,
                    1 AS _side,
                    toBool(true) AS _matches
                FROM
                (
                    SELECT
                        _key_0 AS prefix,
                        _key_1 AS rc,
                        multiIf((length(mapFilter((currency, rows) -> (rows > 0), sumMap(map(_by_0, _sum_0)))) > 1), NULL, sum(_sum_1)) AS total_customer_charge,
                        multiIf((length(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMap(map(_by_0, _sum_0))))) = 1), nullIf(arrayElement(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMap(map(_by_0, _sum_0)))), 1), ''), NULL) AS customer_currency
                    FROM
                    (
                        SELECT
                            multiIf((cdr.dest_nanp > 0), toString(intDiv(cdr.dest_nanp, 10000)), toString(cdr.customer_card_dest_code)) AS _key_0,
                            dictGetOrDefault(concat({database:String}, '.rate_center_before'), 'rate_center', intDiv(cdr.dest_nanp, 1000), toUnixTimestamp64Milli(cdr.dt), dictGet(concat({database:String}, '.rate_center'), 'rate_center', intDiv(cdr.dest_nanp, 1000))) AS _key_1,
                            cdr.customer_card_currency AS _by_0,
                            sumIf(cdr.sign, cdr.customer_charge != 0) AS _sum_0,
                            sum(cdr.customer_charge * cdr.sign) AS _sum_1,
                            sum(cdr.sign) AS _sum_2
                        FROM {database:Identifier}.cdr AS cdr
                        WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({previous_from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({previous_to:Int64}, 'UTC'))
                        GROUP BY
                            multiIf((cdr.dest_nanp > 0), toString(intDiv(cdr.dest_nanp, 10000)), toString(cdr.customer_card_dest_code)),
                            dictGetOrDefault(concat({database:String}, '.rate_center_before'), 'rate_center', intDiv(cdr.dest_nanp, 1000), toUnixTimestamp64Milli(cdr.dt), dictGet(concat({database:String}, '.rate_center'), 'rate_center', intDiv(cdr.dest_nanp, 1000))),
                            cdr.customer_card_currency
                    ) AS parts
                    GROUP BY
                        _key_0,
                        _key_1
                    HAVING sum(_sum_2) > 0
                ) AS report
            ) AS side_1
        ) AS sides
        GROUP BY
            sides.prefix,
            sides.rc
        HAVING max(sides._matches)
    ) AS met
    INNER JOIN
    (
        WITH
            cdr AS
            (
                SELECT *
                FROM {database:Identifier}.cdr AS cdr
                WHERE false
            )
        SELECT
            multiIf((length(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.customer_card_currency, toInt64(cdr.sign)), cdr.customer_charge != 0))) > 1), NULL, sum(cdr.customer_charge * cdr.sign)) AS total_customer_charge,
            multiIf((length(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.customer_card_currency, toInt64(cdr.sign)), cdr.customer_charge != 0)))) = 1), nullIf(arrayElement(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.customer_card_currency, toInt64(cdr.sign)), cdr.customer_charge != 0))), 1), ''), NULL) AS customer_currency
        FROM cdr
    ) AS nothing ON true
) AS compared
ORDER BY
    compared.prefix ASC NULLS LAST,
    compared.rc ASC NULLS LAST
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
-- previous_from = 1758326400000
-- previous_to = 1760918400000
