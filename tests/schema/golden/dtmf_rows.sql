SELECT
    report.route AS route,
    report.answered_calls AS answeredCalls,
    report.dtmf_calls AS dtmfCalls,
    report.dtmf_ratio AS dtmfRatio,
    report.digits AS digits,
    report.provider_currency AS providerCurrency,
    report.provider_charge AS providerCharge,
    report.cost_per_digit AS costPerDigit
FROM
(
    SELECT
        _key_0 AS route,
        sum(_sum_0) AS answered_calls,
        sum(_sum_1) AS dtmf_calls,
        divide(toFloat64(sum(_sum_1)), toFloat64(nullIf(sum(_sum_0), 0))) AS dtmf_ratio,
        sum(_sum_2) AS digits,
        multiIf((length(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMap(map(_by_0, _sum_3))))) = 1), nullIf(arrayElement(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMap(map(_by_0, _sum_3)))), 1), ''), NULL) AS provider_currency,
        multiIf((length(mapFilter((currency, rows) -> (rows > 0), sumMap(map(_by_0, _sum_3)))) > 1), NULL, sum(_sum_4)) AS provider_charge,
        multiIf((sum(_sum_2) = 0), NULL, round(divideDecimal(multiIf((length(mapFilter((currency, rows) -> (rows > 0), sumMap(map(_by_0, _sum_3)))) > 1), NULL, sum(_sum_4)), toDecimal128(multiIf((sum(_sum_2) = 0), 1, sum(_sum_2)), 8), 18), 8)) AS cost_per_digit
    FROM
    (
        SELECT
            cdr.provider_card_id AS _key_0,
            cdr.provider_card_currency AS _by_0,
            sumIf(cdr.sign, cdr.answered) AS _sum_0,
            sumIf(cdr.sign, cdr.answered AND notEmpty(cdr.dtmf)) AS _sum_1,
            sumIf(toInt64(length(cdr.dtmf)) * cdr.sign, cdr.answered) AS _sum_2,
            sumIf(cdr.sign, cdr.provider_charge != 0) AS _sum_3,
            sum(cdr.provider_charge * cdr.sign) AS _sum_4,
            sum(cdr.sign) AS _sum_5
        FROM {database:Identifier}.cdr AS cdr
        WHERE (cdr.customer_id = {customer:String}) AND (toStartOfHour(cdr.dt) >= fromUnixTimestamp({from_hour:Int64})) AND (toStartOfHour(cdr.dt) < fromUnixTimestamp({to_hour:Int64}))
        GROUP BY
            cdr.provider_card_id,
            cdr.provider_card_currency
    ) AS parts
    GROUP BY _key_0
    HAVING sum(_sum_5) > 0
) AS report
ORDER BY report.route ASC NULLS LAST
LIMIT {offset:UInt64}, {first:UInt64}
-- customer = '1001'
-- from_hour = 1760918400
-- to_hour = 1763596800
-- first = 1000
-- offset = 0
