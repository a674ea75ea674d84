SELECT
    report.route AS route,
    report.provider_charge AS providerCharge,
    report.dtmf_ratio AS dtmfRatio
FROM
(
    SELECT
        _key_0 AS route,
        divide(toFloat64(sum(_sum_0)), toFloat64(nullIf(sum(_sum_1), 0))) AS dtmf_ratio,
        multiIf((length(mapFilter((currency, rows) -> (rows > 0), sumMap(map(_by_0, _sum_2)))) > 1), NULL, sum(_sum_3)) AS provider_charge
    FROM
    (
        SELECT
            cdr.provider_card_id AS _key_0,
            cdr.provider_card_currency AS _by_0,
            sumIf(cdr.sign, cdr.answered AND notEmpty(cdr.dtmf)) AS _sum_0,
            sumIf(cdr.sign, cdr.answered) AS _sum_1,
            sumIf(cdr.sign, cdr.provider_charge != 0) AS _sum_2,
            sum(cdr.provider_charge * cdr.sign) AS _sum_3,
            sum(cdr.sign) AS _sum_4
        FROM {database:Identifier}.cdr AS cdr
        WHERE (cdr.customer_id = {customer:String}) AND (toStartOfHour(cdr.dt) >= fromUnixTimestamp({from_hour:Int64})) AND (toStartOfHour(cdr.dt) < fromUnixTimestamp({to_hour:Int64}))
        GROUP BY
            cdr.provider_card_id,
            cdr.provider_card_currency
        UNION ALL
        SELECT
            cdr.provider_card_id AS _key_0,
            cdr.provider_card_currency AS _by_0,
            sumIf(cdr.sign, cdr.answered AND notEmpty(cdr.dtmf)) AS _sum_0,
            sumIf(cdr.sign, cdr.answered) AS _sum_1,
            sumIf(cdr.sign, cdr.provider_charge != 0) AS _sum_2,
            sum(cdr.provider_charge * cdr.sign) AS _sum_3,
            sum(cdr.sign) AS _sum_4
        FROM {database:Identifier}.cdr AS cdr
        WHERE (cdr.customer_id = {customer:String}) AND (((cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp({from_hour:Int64}))) OR ((cdr.dt >= fromUnixTimestamp({to_hour:Int64})) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))))
        GROUP BY
            cdr.provider_card_id,
            cdr.provider_card_currency
    ) AS parts
    GROUP BY _key_0
    HAVING sum(_sum_4) > 0
) AS report
ORDER BY report.route ASC NULLS LAST
LIMIT {offset:UInt64}, {first:UInt64}
-- customer = '1001'
-- from_hour = 1760922000
-- to_hour = 1763596800
-- from = 1760918400001
-- to = 1763596800000
-- first = 1000
-- offset = 0
