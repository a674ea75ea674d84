SELECT count(*) AS rows
FROM
(
    SELECT
        cdr.provider_id AS provider,
        cdr.provider_card_id AS route
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (toStartOfHour(cdr.dt) >= fromUnixTimestamp({from_hour:Int64})) AND (toStartOfHour(cdr.dt) < fromUnixTimestamp({to_hour:Int64}))
    GROUP BY
        cdr.provider_id,
        cdr.provider_card_id
    HAVING sum(cdr.sign) > 0
) AS report
-- customer = '1001'
-- from_hour = 1760918400
-- to_hour = 1763596800
