SELECT count(*) AS rows
FROM
(
    SELECT cdr.tech_prefix AS tech_prefix
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (toStartOfHour(cdr.dt) >= fromUnixTimestamp({from_hour:Int64})) AND (toStartOfHour(cdr.dt) < fromUnixTimestamp({to_hour:Int64}))
    GROUP BY cdr.tech_prefix
    HAVING sum(cdr.sign) > 0
) AS report
-- customer = '1001'
-- from_hour = 1760918400
-- to_hour = 1763596800
