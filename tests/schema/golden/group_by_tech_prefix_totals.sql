SELECT
    report.asr AS asr,
    report.acd AS acd,
    report.answered_calls AS answeredCalls,
    report.total AS total
FROM
(
    SELECT
        divide(toFloat64(sumIf(cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.branch_idx = 0), 0))) AS asr,
        divide(toFloat64(sumIf(cdr.duration * cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.answered), 0))) AS acd,
        sumIf(cdr.sign, cdr.answered) AS answered_calls,
        sumIf(cdr.sign, cdr.branch_idx = 0) AS total
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (toStartOfHour(cdr.dt) >= fromUnixTimestamp({from_hour:Int64})) AND (toStartOfHour(cdr.dt) < fromUnixTimestamp({to_hour:Int64}))
) AS report
-- customer = '1001'
-- from_hour = 1760918400
-- to_hour = 1763596800
