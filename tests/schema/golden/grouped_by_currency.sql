SELECT
    report.account AS account,
    NULL AS switch,
    report.profit AS profit
FROM
(
    SELECT
        _key_0 AS account,
        multiIf((length(arrayDistinct(arrayConcat(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMap(map(_by_0, _sum_0)))), mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMap(map(_by_1, _sum_1))))))) > 1), NULL, sum(_sum_2) - sum(_sum_3)) AS profit,
        _key_1 AS destination_country,
        _key_2 AS customer_currency,
        _key_3 AS provider_currency
    FROM
    (
        SELECT
            cdr.account AS _key_0,
            regexpExtract(cdr.customer_card_dest_code, '^(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[2-9][0-9]{2})') AS _key_1,
            nullIf(toString(cdr.customer_card_currency), '') AS _key_2,
            nullIf(toString(cdr.provider_card_currency), '') AS _key_3,
            cdr.customer_card_currency AS _by_0,
            cdr.provider_card_currency AS _by_1,
            sumIf(cdr.sign, cdr.customer_charge != 0) AS _sum_0,
            sumIf(cdr.sign, cdr.provider_charge != 0) AS _sum_1,
            sum(cdr.customer_charge * cdr.sign) AS _sum_2,
            sum(cdr.provider_charge * cdr.sign) AS _sum_3,
            sum(cdr.sign) AS _sum_4
        FROM {database:Identifier}.cdr AS cdr
        WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
        GROUP BY
            cdr.account,
            regexpExtract(cdr.customer_card_dest_code, '^(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[2-9][0-9]{2})'),
            nullIf(toString(cdr.customer_card_currency), ''),
            nullIf(toString(cdr.provider_card_currency), ''),
            cdr.customer_card_currency,
            cdr.provider_card_currency
    ) AS parts
    GROUP BY
        _key_0,
        _key_1,
        _key_2,
        _key_3
    HAVING sum(_sum_4) > 0
) AS report
ORDER BY
    report.account ASC NULLS LAST,
    report.destination_country ASC NULLS LAST,
    report.customer_currency ASC NULLS LAST,
    report.provider_currency ASC NULLS LAST
LIMIT {offset:UInt64}, {first:UInt64}
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
-- first = 10
-- offset = 0
