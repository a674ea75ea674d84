SELECT count(*) AS rows
FROM
(
    SELECT
        cdr.account AS account,
        cdr.dest_cli AS dest_cli,
        toBool(dictHas(concat({database:String}, '.did_window'), tuple(toString(cdr.customer_id), replaceRegexpAll(cdr.dest_cli, '[-+ ().]', '')), toUnixTimestamp64Milli(cdr.dt))) AS is_did
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
    GROUP BY
        cdr.account,
        cdr.dest_cli,
        toBool(dictHas(concat({database:String}, '.did_window'), tuple(toString(cdr.customer_id), replaceRegexpAll(cdr.dest_cli, '[-+ ().]', '')), toUnixTimestamp64Milli(cdr.dt)))
    HAVING sum(cdr.sign) > 0
) AS report
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
