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
        cdr.provider_id AS provider,
        cdr.provider_card_id AS route
    FROM cdr
    GROUP BY
        cdr.provider_id,
        cdr.provider_card_id
    HAVING sum(cdr.sign) > 0
) AS report
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
