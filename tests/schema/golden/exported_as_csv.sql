SELECT
    multiIf((match(toValidUTF8(report.tech_prefix), '^(?:[\\t\\r\\n]|[\\x00-\\x20]*[-=+@\\x{FF0B}\\x{FF0D}\\x{FF1D}\\x{FF20}])') AND (NOT match(toValidUTF8(report.tech_prefix), '^[-+][0-9]+$'))), concat('\'', toValidUTF8(report.tech_prefix)), toValidUTF8(report.tech_prefix)) AS techPrefix,
    report.asr AS asr
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
ORDER BY report.tech_prefix ASC NULLS LAST
-- customer = '1001'
-- from_hour = 1760918400
-- to_hour = 1763596800
