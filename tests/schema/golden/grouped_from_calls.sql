SELECT
    report.account AS account,
    report.ner AS ner
FROM
(
    SELECT
        cdr.account AS account,
        divide(toFloat64(sumIf(cdr.sign, cdr.answered OR (cdr.sip_code IN (480, 486, 600, 603)))), toFloat64(nullIf(sum(cdr.sign), 0))) AS ner
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
    GROUP BY cdr.account
    HAVING sum(cdr.sign) > 0
) AS report
ORDER BY report.account ASC NULLS LAST
LIMIT {offset:UInt64}, {first:UInt64}
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
-- first = 10
-- offset = 0
