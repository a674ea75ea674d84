WITH cdr AS
(SELECT *
FROM {table:Identifier} AS cdr
WHERE cdr.customer_id = {customer:String} AND cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
SELECT report.destination_code AS destinationCode, report.destination_name AS destinationName, report.attempts AS attempts, report.connected AS connected, report.asr AS asr, report.acd AS acd, report.talk_time AS talkTime, report.customer_charge AS customerCharge, report.profit AS profit
FROM (
SELECT cdr.customer_card_dest_code AS destination_code, cdr.customer_card_dest_name AS destination_name, sumIf(cdr.sign, cdr.branch_idx = 0) AS attempts, sumIf(cdr.sign, cdr.answered) AS connected, divide(toFloat64(sumIf(cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.branch_idx = 0), 0))) AS asr, divide(toFloat64(sumIf(cdr.duration * cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.answered), 0))) AS acd, sumIf(cdr.duration * cdr.sign, cdr.answered) AS talk_time, CASE WHEN (length(mapFilter((currency, rows) -> rows > 0, sumMapIf(map(cdr.customer_card_currency, toInt64(cdr.sign)), cdr.customer_charge != 0))) > 1) THEN NULL ELSE sum(cdr.customer_charge * cdr.sign) END AS customer_charge, CASE WHEN (length(arrayDistinct(arrayConcat(mapKeys(mapFilter((currency, rows) -> rows > 0, sumMapIf(map(cdr.customer_card_currency, toInt64(cdr.sign)), cdr.customer_charge != 0))), mapKeys(mapFilter((currency, rows) -> rows > 0, sumMapIf(map(cdr.provider_card_currency, toInt64(cdr.sign)), cdr.provider_charge != 0)))))) > 1) THEN NULL ELSE sum(cdr.customer_charge * cdr.sign) - sum(cdr.provider_charge * cdr.sign) END AS profit
FROM cdr
GROUP BY cdr.customer_card_dest_code, cdr.customer_card_dest_name
HAVING sum(cdr.sign) > 0) AS report
ORDER BY report.destination_code ASC NULLS LAST, report.destination_name ASC NULLS LAST
LIMIT {first:UInt64} OFFSET {offset:UInt64}
