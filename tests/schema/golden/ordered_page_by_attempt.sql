WITH
    cdr AS
    (
        SELECT *
        FROM default.cdr AS cdr
        WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
    )
SELECT
    report.tech_prefix AS techPrefix,
    report.total AS total
FROM
(
    SELECT
        cdr.tech_prefix AS tech_prefix,
        sum(cdr.sign) AS total,
        divide(toFloat64(sumIf(cdr.sign, cdr.answered)), toFloat64(nullIf(sum(cdr.sign), 0))) AS asr
    FROM cdr
    GROUP BY cdr.tech_prefix
    HAVING sum(cdr.sign) > 0
) AS report
ORDER BY
    report.asr DESC NULLS LAST,
    report.tech_prefix ASC NULLS LAST
LIMIT {offset:UInt64}, {first:UInt64}
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
-- first = 50
-- offset = 100
