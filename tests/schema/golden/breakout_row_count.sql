SELECT count(*) AS rows
FROM
(
    SELECT
        cdr.customer_card_dest_code AS destination_code,
        cdr.customer_card_dest_name AS destination_name
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (toStartOfHour(cdr.dt) >= fromUnixTimestamp({from_hour:Int64})) AND (toStartOfHour(cdr.dt) < fromUnixTimestamp({to_hour:Int64}))
    GROUP BY
        cdr.customer_card_dest_code,
        cdr.customer_card_dest_name
    HAVING sum(cdr.sign) > 0
) AS report
-- customer = '1001'
-- from_hour = 1760918400
-- to_hour = 1763596800
