SELECT
    report.number AS number,
    report.attempts AS attempts,
    report.connected AS connected,
    report.asr AS asr,
    report.acd AS acd,
    report.talk_time AS talkTime,
    report.customer_charge AS customerCharge,
    report.customer_currency AS customerCurrency
FROM
(
    SELECT
        _key_0 AS number,
        sum(_sum_0) AS attempts,
        sum(_sum_1) AS connected,
        divide(toFloat64(sum(_sum_1)), toFloat64(nullIf(sum(_sum_0), 0))) AS asr,
        divide(toFloat64(sum(_sum_2)), toFloat64(nullIf(sum(_sum_1), 0))) AS acd,
        sum(_sum_2) AS talk_time,
        multiIf((length(mapFilter((currency, rows) -> (rows > 0), sumMap(map(_by_0, _sum_3)))) > 1), NULL, sum(_sum_4)) AS customer_charge,
        multiIf((length(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMap(map(_by_0, _sum_3))))) = 1), nullIf(arrayElement(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMap(map(_by_0, _sum_3)))), 1), ''), NULL) AS customer_currency
    FROM
    (
        SELECT
            cdr.dest_number AS _key_0,
            cdr.customer_card_currency AS _by_0,
            sumIf(cdr.sign, cdr.branch_idx = 0) AS _sum_0,
            sumIf(cdr.sign, cdr.answered) AS _sum_1,
            sumIf(cdr.duration * cdr.sign, cdr.answered) AS _sum_2,
            sumIf(cdr.sign, cdr.customer_charge != 0) AS _sum_3,
            sum(cdr.customer_charge * cdr.sign) AS _sum_4,
            sum(cdr.sign) AS _sum_5
        FROM {database:Identifier}.cdr AS cdr
        WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
        GROUP BY
            cdr.dest_number,
            cdr.customer_card_currency
    ) AS parts
    GROUP BY _key_0
    HAVING sum(_sum_5) > 0
) AS report
ORDER BY report.number ASC NULLS LAST
LIMIT {offset:UInt64}, {first:UInt64}
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
-- first = 1000
-- offset = 0
