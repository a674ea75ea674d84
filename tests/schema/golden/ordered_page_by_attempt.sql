SELECT
    report.tech_prefix AS techPrefix,
    report.total AS total
FROM
(
    SELECT
        cdr.tech_prefix AS tech_prefix,
        sum(cdr.sign) AS total,
        divide(toFloat64(sumIf(cdr.sign, cdr.answered)), toFloat64(nullIf(sum(cdr.sign), 0))) AS asr
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (toStartOfHour(cdr.dt) >= fromUnixTimestamp({from_hour:Int64})) AND (toStartOfHour(cdr.dt) < fromUnixTimestamp({to_hour:Int64}))
    GROUP BY cdr.tech_prefix
    HAVING sum(cdr.sign) > 0
) AS report
ORDER BY
    report.asr DESC NULLS LAST,
    report.tech_prefix ASC NULLS LAST
LIMIT {offset:UInt64}, {first:UInt64}
-- customer = '1001'
-- from_hour = 1760918400
-- to_hour = 1763596800
-- first = 50
-- offset = 100
