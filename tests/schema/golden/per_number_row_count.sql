SELECT count(*) AS rows
FROM
(
    SELECT cdr.dest_number AS number
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
    GROUP BY cdr.dest_number
    HAVING sum(cdr.sign) > 0
) AS report
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
