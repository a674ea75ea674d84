SELECT
    report.release_reason AS releaseReason,
    report.sip_code AS sipCode,
    report.attempts AS attempts,
    report.connected AS connected
FROM
(
    SELECT
        cdr.release_reason AS release_reason,
        toInt64(cdr.sip_code) AS sip_code,
        sum(cdr.sign) AS attempts,
        sumIf(cdr.sign, cdr.answered) AS connected
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (toStartOfHour(cdr.dt) >= fromUnixTimestamp({from_hour:Int64})) AND (toStartOfHour(cdr.dt) < fromUnixTimestamp({to_hour:Int64}))
    GROUP BY
        cdr.release_reason,
        toInt64(cdr.sip_code)
    HAVING sum(cdr.sign) > 0
) AS report
ORDER BY
    report.release_reason ASC NULLS LAST,
    report.sip_code ASC NULLS LAST
LIMIT {offset:UInt64}, {first:UInt64}
-- customer = '1001'
-- from_hour = 1760918400
-- to_hour = 1763596800
-- first = 1000
-- offset = 0
