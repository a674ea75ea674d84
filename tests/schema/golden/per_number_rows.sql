WITH
    cdr AS
    (
        SELECT *
        FROM {database:Identifier}.cdr AS cdr
        WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
    )
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
        cdr.dest_number AS number,
        sumIf(cdr.sign, cdr.branch_idx = 0) AS attempts,
        sumIf(cdr.sign, cdr.answered) AS connected,
        divide(toFloat64(sumIf(cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.branch_idx = 0), 0))) AS asr,
        divide(toFloat64(sumIf(cdr.duration * cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.answered), 0))) AS acd,
        sumIf(cdr.duration * cdr.sign, cdr.answered) AS talk_time,
        multiIf((length(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.customer_card_currency, toInt64(cdr.sign)), cdr.customer_charge != 0))) > 1), NULL, sum(cdr.customer_charge * cdr.sign)) AS customer_charge,
        multiIf((length(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.customer_card_currency, toInt64(cdr.sign)), cdr.customer_charge != 0)))) = 1), nullIf(arrayElement(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.customer_card_currency, toInt64(cdr.sign)), cdr.customer_charge != 0))), 1), ''), NULL) AS customer_currency
    FROM cdr
    GROUP BY cdr.dest_number
    HAVING sum(cdr.sign) > 0
) AS report
ORDER BY report.number ASC NULLS LAST
LIMIT {offset:UInt64}, {first:UInt64}
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
-- first = 1000
-- offset = 0
