SELECT report.count AS count
FROM
(
    SELECT sumIf(cdr.sign, cdr.branch_idx = 0) AS count
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
) AS report
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
