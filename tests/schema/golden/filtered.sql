SELECT report.asr AS asr
FROM
(
    SELECT divide(toFloat64(sumIf(cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.branch_idx = 0), 0))) AS asr
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC')) AND (NOT toBool(ifNull(has({filter_0:Array(String)}, dictGetOrDefault(concat({database:String}, '.rate_center_before'), 'state', intDiv(cdr.dest_nanp, 1000), toUnixTimestamp64Milli(cdr.dt), dictGet(concat({database:String}, '.rate_center'), 'state', intDiv(cdr.dest_nanp, 1000)))), false))) AND startsWith(cdr.tech_prefix, {where_0:String})
) AS report
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
-- filter_0 = ['NJ', 'CA']
-- where_0 = '00'
