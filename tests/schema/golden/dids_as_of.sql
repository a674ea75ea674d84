SELECT count(*) AS rows
FROM
(
    SELECT
        cdr.account AS account,
        cdr.dest_cli AS dest_cli,
        toBool(arrayExists((valid_from, known_from, known_until, valid_to) -> ((valid_from <= toUnixTimestamp64Milli(cdr.dt)) AND (known_from <= {as_of:Int64}) AND ({as_of:Int64} < known_until) AND (valid_to >= toUnixTimestamp64Milli(cdr.dt))), dictGet(concat({database:String}, '.did_history'), 'valid_from', tuple(toString(cdr.customer_id), replaceRegexpAll(cdr.dest_cli, '[-+ ().]', ''))), dictGet(concat({database:String}, '.did_history'), 'known_from', tuple(toString(cdr.customer_id), replaceRegexpAll(cdr.dest_cli, '[-+ ().]', ''))), dictGet(concat({database:String}, '.did_history'), 'known_until', tuple(toString(cdr.customer_id), replaceRegexpAll(cdr.dest_cli, '[-+ ().]', ''))), dictGet(concat({database:String}, '.did_history'), 'valid_to', tuple(toString(cdr.customer_id), replaceRegexpAll(cdr.dest_cli, '[-+ ().]', ''))))) AS is_did
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC')) AND (cdr.loaded_at <= fromUnixTimestamp64Milli({as_of:Int64}, 'UTC'))
    GROUP BY
        cdr.account,
        cdr.dest_cli,
        toBool(arrayExists((valid_from, known_from, known_until, valid_to) -> ((valid_from <= toUnixTimestamp64Milli(cdr.dt)) AND (known_from <= {as_of:Int64}) AND ({as_of:Int64} < known_until) AND (valid_to >= toUnixTimestamp64Milli(cdr.dt))), dictGet(concat({database:String}, '.did_history'), 'valid_from', tuple(toString(cdr.customer_id), replaceRegexpAll(cdr.dest_cli, '[-+ ().]', ''))), dictGet(concat({database:String}, '.did_history'), 'known_from', tuple(toString(cdr.customer_id), replaceRegexpAll(cdr.dest_cli, '[-+ ().]', ''))), dictGet(concat({database:String}, '.did_history'), 'known_until', tuple(toString(cdr.customer_id), replaceRegexpAll(cdr.dest_cli, '[-+ ().]', ''))), dictGet(concat({database:String}, '.did_history'), 'valid_to', tuple(toString(cdr.customer_id), replaceRegexpAll(cdr.dest_cli, '[-+ ().]', '')))))
    HAVING sum(cdr.sign) > 0
) AS report
-- as_of = 1763596800000
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
