SELECT count(*) AS rows
FROM
(
    SELECT
        multiIf((cdr.dest_nanp > 0), toString(intDiv(cdr.dest_nanp, 10000)), toString(cdr.customer_card_dest_code)) AS prefix,
        dictGetOrDefault(concat({database:String}, '.rate_center_before'), 'rate_center', intDiv(cdr.dest_nanp, 1000), toUnixTimestamp64Milli(cdr.dt), dictGet(concat({database:String}, '.rate_center'), 'rate_center', intDiv(cdr.dest_nanp, 1000))) AS rc
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
    GROUP BY
        multiIf((cdr.dest_nanp > 0), toString(intDiv(cdr.dest_nanp, 10000)), toString(cdr.customer_card_dest_code)),
        dictGetOrDefault(concat({database:String}, '.rate_center_before'), 'rate_center', intDiv(cdr.dest_nanp, 1000), toUnixTimestamp64Milli(cdr.dt), dictGet(concat({database:String}, '.rate_center'), 'rate_center', intDiv(cdr.dest_nanp, 1000)))
    HAVING sum(cdr.sign) > 0
) AS report
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
