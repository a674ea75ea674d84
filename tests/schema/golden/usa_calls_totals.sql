SELECT
    report.calls AS calls,
    report.connected AS connected,
    report.asr AS asr,
    report.duration AS duration
FROM
(
    SELECT
        sumIf(cdr.sign, cdr.branch_idx = 0) AS calls,
        sumIf(cdr.sign, cdr.answered) AS connected,
        divide(toFloat64(sumIf(cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.branch_idx = 0), 0))) AS asr,
        sumIf(cdr.duration * cdr.sign, cdr.answered) AS duration
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC')) AND (cdr.dest_nanp > 0)
) AS report
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
