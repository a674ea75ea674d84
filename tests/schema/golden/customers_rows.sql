SELECT
    report.tech_prefix AS techPrefix,
    report.asr AS asr
FROM
(
    SELECT
        cdr.tech_prefix AS tech_prefix,
        divide(toFloat64(sumIf(cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.branch_idx = 0), 0))) AS asr
    FROM {database:Identifier}.cdr AS cdr
    WHERE has({customers:Array(String)}, cdr.customer_id) AND (toStartOfHour(cdr.dt) >= fromUnixTimestamp({from_hour:Int64})) AND (toStartOfHour(cdr.dt) < fromUnixTimestamp({to_hour:Int64}))
    GROUP BY cdr.tech_prefix
    HAVING sum(cdr.sign) > 0
) AS report
WHERE ifNull(report.asr < {where_1:Float64}, false) OR (NOT toBool(startsWith(report.tech_prefix, {where_0:String})))
ORDER BY report.tech_prefix ASC NULLS LAST
LIMIT {offset:UInt64}, {first:UInt64}
-- customers = ['1001', '1002']
-- from_hour = 1760918400
-- to_hour = 1763596800
-- where_1 = 0.3
-- where_0 = '00'
-- first = 1000
-- offset = 0
