WITH
    cdr AS
    (
        SELECT *
        FROM default.cdr AS cdr
        WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
    )
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
    FROM cdr
) AS report
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
