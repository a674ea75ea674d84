SELECT
    report.state AS state,
    report.jurisdiction AS jurisdiction,
    report.calls AS calls,
    report.connected AS connected,
    report.asr AS asr,
    report.duration AS duration
FROM
(
    SELECT
        dictGetOrDefault(concat({database:String}, '.rate_center_before'), 'state', intDiv(cdr.dest_nanp, 1000), toUnixTimestamp64Milli(cdr.dt), dictGet(concat({database:String}, '.rate_center'), 'state', intDiv(cdr.dest_nanp, 1000))) AS state,
        multiIf(((dictGetOrDefault(concat({database:String}, '.rate_center_before'), 'state', intDiv(cdr.dest_nanp, 1000), toUnixTimestamp64Milli(cdr.dt), dictGet(concat({database:String}, '.rate_center'), 'state', intDiv(cdr.dest_nanp, 1000))) = '') OR (dictGetOrDefault(concat({database:String}, '.rate_center_before'), 'state', intDiv(cdr.cli_nanp, 1000), toUnixTimestamp64Milli(cdr.dt), dictGet(concat({database:String}, '.rate_center'), 'state', intDiv(cdr.cli_nanp, 1000))) = '')), 'INDETERMINATE', (dictGetOrDefault(concat({database:String}, '.rate_center_before'), 'state', intDiv(cdr.dest_nanp, 1000), toUnixTimestamp64Milli(cdr.dt), dictGet(concat({database:String}, '.rate_center'), 'state', intDiv(cdr.dest_nanp, 1000))) = dictGetOrDefault(concat({database:String}, '.rate_center_before'), 'state', intDiv(cdr.cli_nanp, 1000), toUnixTimestamp64Milli(cdr.dt), dictGet(concat({database:String}, '.rate_center'), 'state', intDiv(cdr.cli_nanp, 1000)))), 'INTRASTATE', 'INTERSTATE') AS jurisdiction,
        sumIf(cdr.sign, cdr.branch_idx = 0) AS calls,
        sumIf(cdr.sign, cdr.answered) AS connected,
        divide(toFloat64(sumIf(cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.branch_idx = 0), 0))) AS asr,
        sumIf(cdr.duration * cdr.sign, cdr.answered) AS duration
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC')) AND (cdr.dest_nanp > 0)
    GROUP BY
        dictGetOrDefault(concat({database:String}, '.rate_center_before'), 'state', intDiv(cdr.dest_nanp, 1000), toUnixTimestamp64Milli(cdr.dt), dictGet(concat({database:String}, '.rate_center'), 'state', intDiv(cdr.dest_nanp, 1000))),
        multiIf(((dictGetOrDefault(concat({database:String}, '.rate_center_before'), 'state', intDiv(cdr.dest_nanp, 1000), toUnixTimestamp64Milli(cdr.dt), dictGet(concat({database:String}, '.rate_center'), 'state', intDiv(cdr.dest_nanp, 1000))) = '') OR (dictGetOrDefault(concat({database:String}, '.rate_center_before'), 'state', intDiv(cdr.cli_nanp, 1000), toUnixTimestamp64Milli(cdr.dt), dictGet(concat({database:String}, '.rate_center'), 'state', intDiv(cdr.cli_nanp, 1000))) = '')), 'INDETERMINATE', (dictGetOrDefault(concat({database:String}, '.rate_center_before'), 'state', intDiv(cdr.dest_nanp, 1000), toUnixTimestamp64Milli(cdr.dt), dictGet(concat({database:String}, '.rate_center'), 'state', intDiv(cdr.dest_nanp, 1000))) = dictGetOrDefault(concat({database:String}, '.rate_center_before'), 'state', intDiv(cdr.cli_nanp, 1000), toUnixTimestamp64Milli(cdr.dt), dictGet(concat({database:String}, '.rate_center'), 'state', intDiv(cdr.cli_nanp, 1000)))), 'INTRASTATE', 'INTERSTATE')
    HAVING sum(cdr.sign) > 0
) AS report
ORDER BY
    report.state ASC NULLS LAST,
    report.jurisdiction ASC NULLS LAST
LIMIT {offset:UInt64}, {first:UInt64}
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
-- first = 1000
-- offset = 0
