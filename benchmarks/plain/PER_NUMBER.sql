WITH cdr AS
(SELECT *
FROM {table:Identifier} AS cdr
WHERE cdr.customer_id = {customer:String} AND cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
SELECT report.number AS number, report.attempts AS attempts, report.connected AS connected, report.asr AS asr, report.talk_time AS talkTime
FROM (
SELECT cdr.dest_number AS number, sumIf(cdr.sign, cdr.branch_idx = 0) AS attempts, sumIf(cdr.sign, cdr.answered) AS connected, divide(toFloat64(sumIf(cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.branch_idx = 0), 0))) AS asr, sumIf(cdr.duration * cdr.sign, cdr.answered) AS talk_time
FROM cdr
GROUP BY cdr.dest_number
HAVING sum(cdr.sign) > 0) AS report
ORDER BY report.number ASC NULLS LAST
LIMIT {first:UInt64} OFFSET {offset:UInt64}
