SELECT
    NULL AS prefix,
    report.rc AS rc,
    report.call_count AS callCount,
    CAST(['PREFIX'], 'Array(String)') AS summedAway
FROM
(
    SELECT
        dictGetOrDefault(concat({database:String}, '.rate_center_before'), 'rate_center', intDiv(cdr.dest_nanp, 1000), toUnixTimestamp64Milli(cdr.dt), dictGet(concat({database:String}, '.rate_center'), 'rate_center', intDiv(cdr.dest_nanp, 1000))) AS rc,
        sumIf(cdr.sign, cdr.branch_idx = 0) AS call_count
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
    GROUP BY dictGetOrDefault(concat({database:String}, '.rate_center_before'), 'rate_center', intDiv(cdr.dest_nanp, 1000), toUnixTimestamp64Milli(cdr.dt), dictGet(concat({database:String}, '.rate_center'), 'rate_center', intDiv(cdr.dest_nanp, 1000)))
    HAVING sum(cdr.sign) > 0
) AS report
ORDER BY report.rc ASC NULLS LAST
LIMIT {offset:UInt64}, {first:UInt64}
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
-- first = 9
-- offset = 0
