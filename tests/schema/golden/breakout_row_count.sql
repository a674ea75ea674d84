SELECT count(*) AS rows
FROM
(
    SELECT
        cdr.customer_card_dest_code AS destination_code,
        cdr.customer_card_dest_name AS destination_name
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
    GROUP BY
        cdr.customer_card_dest_code,
        cdr.customer_card_dest_name
    HAVING sum(cdr.sign) > 0
) AS report
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
