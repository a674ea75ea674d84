WITH
    cdr AS
    (
        SELECT *
        FROM default.cdr AS cdr
        WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC')) AND startsWith(cdr.tech_prefix, {where_0:String}) AND (tuple(cdr.tech_prefix) NOT IN (
            WITH
                cdr AS
                (
                    SELECT *
                    FROM default.cdr AS cdr
                    WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
                )
            SELECT tuple(report.tech_prefix) AS tuple_1
            FROM
            (
                SELECT
                    cdr.tech_prefix AS tech_prefix,
                    sumIf(cdr.sign, cdr.branch_idx = 0) AS total
                FROM cdr
                GROUP BY cdr.tech_prefix
                HAVING sum(cdr.sign) > 0
            ) AS report
            WHERE startsWith(report.tech_prefix, {where_0:String})
            ORDER BY
                report.total DESC NULLS LAST,
                report.tech_prefix ASC NULLS LAST
            LIMIT {n:UInt64}
        ))
    )
SELECT report.asr AS asr
FROM
(
    SELECT divide(toFloat64(sumIf(cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.branch_idx = 0), 0))) AS asr
    FROM cdr
) AS report
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
-- where_0 = '00'
-- n = 10
