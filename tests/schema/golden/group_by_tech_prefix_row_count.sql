WITH
    cdr AS
    (
        SELECT *
        FROM default.cdr AS cdr
        WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
    )
SELECT count(*) AS rows
FROM
(
    SELECT cdr.tech_prefix AS tech_prefix
    FROM cdr
    GROUP BY cdr.tech_prefix
    HAVING sum(cdr.sign) > 0
) AS report
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
