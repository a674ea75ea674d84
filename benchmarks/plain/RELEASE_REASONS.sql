WITH cdr AS
(SELECT *
FROM {table:Identifier} AS cdr
WHERE cdr.customer_id = {customer:String} AND cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
SELECT report.release_reason AS releaseReason, report.sip_code AS sipCode, report.attempts AS attempts, report.connected AS connected
FROM (
SELECT cdr.release_reason AS release_reason, toInt64(cdr.sip_code) AS sip_code, sum(cdr.sign) AS attempts, sumIf(cdr.sign, cdr.answered) AS connected
FROM cdr
GROUP BY cdr.release_reason, toInt64(cdr.sip_code)
HAVING sum(cdr.sign) > 0) AS report
ORDER BY report.release_reason ASC NULLS LAST, report.sip_code ASC NULLS LAST
LIMIT {first:UInt64} OFFSET {offset:UInt64}
