SELECT
    report.number AS number,
    report.attempts AS attempts
FROM
(
    SELECT
        cdr.dest_cli AS number,
        sum(cdr.sign) AS attempts
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
    GROUP BY cdr.dest_cli
    HAVING sum(cdr.sign) > 0
) AS report
ORDER BY report.number ASC NULLS LAST
LIMIT {offset:UInt64}, {first:UInt64}
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
-- first = 1000
-- offset = 0
