SELECT report.asr AS asr
FROM
(
    SELECT divide(toFloat64(sumIf(cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.branch_idx = 0), 0))) AS asr
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (toStartOfHour(cdr.dt) >= fromUnixTimestamp({from_hour:Int64})) AND (toStartOfHour(cdr.dt) < fromUnixTimestamp({to_hour:Int64})) AND (tuple(cdr.tech_prefix) GLOBAL IN (
        SELECT tuple(report.tech_prefix) AS tuple_1
        FROM
        (
            SELECT
                cdr.tech_prefix AS tech_prefix,
                divide(toFloat64(sumIf(cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.branch_idx = 0), 0))) AS asr
            FROM {database:Identifier}.cdr AS cdr
            WHERE (cdr.customer_id = {customer:String}) AND (toStartOfHour(cdr.dt) >= fromUnixTimestamp({from_hour:Int64})) AND (toStartOfHour(cdr.dt) < fromUnixTimestamp({to_hour:Int64}))
            GROUP BY cdr.tech_prefix
            HAVING sum(cdr.sign) > 0
        ) AS report
        WHERE ifNull(report.asr < {where_1:Float64}, false) OR (NOT toBool(startsWith(report.tech_prefix, {where_0:String})))
    ))
) AS report
-- customer = '1001'
-- from_hour = 1760918400
-- to_hour = 1763596800
-- where_1 = 0.3
-- where_0 = '00'
