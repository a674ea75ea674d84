WITH cdr AS
(SELECT *
FROM {table:Identifier} AS cdr
WHERE cdr.customer_id = {customer:String} AND cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
SELECT report.state AS state, report.jurisdiction AS jurisdiction, report.calls AS calls, report.connected AS connected, report.asr AS asr, report.duration AS duration
FROM (
SELECT dictGet('rate_center', 'state', intDiv(cdr.dest_nanp, 1000)) AS state, CASE WHEN (dictGet('rate_center', 'state', intDiv(cdr.dest_nanp, 1000)) = '' OR dictGet('rate_center', 'state', intDiv(cdr.cli_nanp, 1000)) = '') THEN 'INDETERMINATE' WHEN (dictGet('rate_center', 'state', intDiv(cdr.dest_nanp, 1000)) = dictGet('rate_center', 'state', intDiv(cdr.cli_nanp, 1000))) THEN 'INTRASTATE' ELSE 'INTERSTATE' END AS jurisdiction, sumIf(cdr.sign, cdr.branch_idx = 0) AS calls, sumIf(cdr.sign, cdr.answered) AS connected, divide(toFloat64(sumIf(cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.branch_idx = 0), 0))) AS asr, sumIf(cdr.duration * cdr.sign, cdr.answered) AS duration
FROM cdr
WHERE cdr.dest_nanp > 0
GROUP BY dictGet('rate_center', 'state', intDiv(cdr.dest_nanp, 1000)), CASE WHEN (dictGet('rate_center', 'state', intDiv(cdr.dest_nanp, 1000)) = '' OR dictGet('rate_center', 'state', intDiv(cdr.cli_nanp, 1000)) = '') THEN 'INDETERMINATE' WHEN (dictGet('rate_center', 'state', intDiv(cdr.dest_nanp, 1000)) = dictGet('rate_center', 'state', intDiv(cdr.cli_nanp, 1000))) THEN 'INTRASTATE' ELSE 'INTERSTATE' END
HAVING sum(cdr.sign) > 0) AS report
ORDER BY report.state ASC NULLS LAST, report.jurisdiction ASC NULLS LAST
LIMIT {first:UInt64} OFFSET {offset:UInt64}
