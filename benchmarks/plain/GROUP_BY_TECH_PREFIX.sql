WITH cdr AS
(SELECT *
FROM {table:Identifier} AS cdr
WHERE cdr.customer_id = {customer:String} AND cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
SELECT report.tech_prefix AS techPrefix, report.asr AS asr, report.acd AS acd, report.answered_calls AS answeredCalls, report.total AS total
FROM (
SELECT cdr.tech_prefix AS tech_prefix, divide(toFloat64(sumIf(cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.branch_idx = 0), 0))) AS asr, divide(toFloat64(sumIf(cdr.duration * cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.answered), 0))) AS acd, sumIf(cdr.sign, cdr.answered) AS answered_calls, sumIf(cdr.sign, cdr.branch_idx = 0) AS total
FROM cdr
GROUP BY cdr.tech_prefix
HAVING sum(cdr.sign) > 0) AS report
ORDER BY report.tech_prefix ASC NULLS LAST
LIMIT {first:UInt64} OFFSET {offset:UInt64}
