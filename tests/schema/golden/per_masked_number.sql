SELECT
    report.number AS number,
    report.attempts AS attempts
FROM
(
    SELECT
        concat(substringUTF8(cdr.dest_number, 1, lengthUTF8(cdr.dest_number) - least(lengthUTF8(cdr.dest_number), 4)), repeat('*', least(lengthUTF8(cdr.dest_number), 4))) AS number,
        sumIf(cdr.sign, cdr.branch_idx = 0) AS attempts
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
    GROUP BY concat(substringUTF8(cdr.dest_number, 1, lengthUTF8(cdr.dest_number) - least(lengthUTF8(cdr.dest_number), 4)), repeat('*', least(lengthUTF8(cdr.dest_number), 4)))
    HAVING sum(cdr.sign) > 0
) AS report
ORDER BY report.number ASC NULLS LAST
LIMIT {offset:UInt64}, {first:UInt64}
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
-- first = 1000
-- offset = 0
