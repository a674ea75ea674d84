SELECT report.asr AS asr
FROM
(
    SELECT divide(toFloat64(sumIf(cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.branch_idx = 0), 0))) AS asr
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (toStartOfHour(cdr.dt) >= fromUnixTimestamp({from_hour:Int64})) AND (toStartOfHour(cdr.dt) < fromUnixTimestamp({to_hour:Int64})) AND startsWith(cdr.tech_prefix, {where_0:String}) AND (tuple(cdr.tech_prefix) GLOBAL NOT IN (
        SELECT tuple(report.tech_prefix) AS tuple_1
        FROM
        (
            SELECT
                cdr.tech_prefix AS tech_prefix,
                sumIf(cdr.sign, cdr.branch_idx = 0) AS total
            FROM {database:Identifier}.cdr AS cdr
            WHERE (cdr.customer_id = {customer:String}) AND (toStartOfHour(cdr.dt) >= fromUnixTimestamp({from_hour:Int64})) AND (toStartOfHour(cdr.dt) < fromUnixTimestamp({to_hour:Int64}))
            GROUP BY cdr.tech_prefix
            HAVING sum(cdr.sign) > 0
        ) AS report
        WHERE startsWith(report.tech_prefix, {where_0:String})
        ORDER BY
            report.total DESC NULLS LAST,
            report.tech_prefix ASC NULLS LAST
        LIMIT {n:UInt64}
    ))
) AS report
-- customer = '1001'
-- from_hour = 1760918400
-- to_hour = 1763596800
-- where_0 = '00'
-- n = 10
