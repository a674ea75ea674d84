WITH cdr AS
(SELECT *
FROM {table:Identifier} AS cdr
WHERE cdr.customer_id = {customer:String} AND cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
SELECT report.provider AS provider, report.route AS route, report.attempts AS attempts, report.answered_calls AS answeredCalls, report.asr AS asr, report.ner AS ner, report.acd AS acd
FROM (
SELECT cdr.provider_id AS provider, cdr.provider_card_id AS route, sum(cdr.sign) AS attempts, sumIf(cdr.sign, cdr.answered) AS answered_calls, divide(toFloat64(sumIf(cdr.sign, cdr.answered)), toFloat64(nullIf(sum(cdr.sign), 0))) AS asr, divide(toFloat64(sumIf(cdr.sign, cdr.answered OR cdr.sip_code IN (480, 486, 600, 603))), toFloat64(nullIf(sum(cdr.sign), 0))) AS ner, divide(toFloat64(sumIf(cdr.duration * cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.answered), 0))) AS acd
FROM cdr
GROUP BY cdr.provider_id, cdr.provider_card_id
HAVING sum(cdr.sign) > 0) AS report
ORDER BY report.provider ASC NULLS LAST, report.route ASC NULLS LAST
LIMIT {first:UInt64} OFFSET {offset:UInt64}
