WITH
    cdr AS
    (
        SELECT *
        FROM {database:Identifier}.cdr AS cdr
        WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
    )
SELECT count(*) AS rows
FROM
(
    SELECT
        cdr.release_reason AS release_reason,
        toInt64(cdr.sip_code) AS sip_code
    FROM cdr
    GROUP BY
        cdr.release_reason,
        toInt64(cdr.sip_code)
    HAVING sum(cdr.sign) > 0
) AS report
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
