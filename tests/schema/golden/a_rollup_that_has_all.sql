SELECT
    report.route AS route,
    report.ner AS ner
FROM
(
    SELECT
        cdr.provider_card_id AS route,
        divide(toFloat64(sumIf(cdr.sign, cdr.answered OR (cdr.sip_code IN (480, 486, 600, 603)))), toFloat64(nullIf(sum(cdr.sign), 0))) AS ner,
        cdr.provider_id AS provider
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (toStartOfHour(cdr.dt) >= fromUnixTimestamp({from_hour:Int64})) AND (toStartOfHour(cdr.dt) < fromUnixTimestamp({to_hour:Int64}))
    GROUP BY
        cdr.provider_id,
        cdr.provider_card_id
    HAVING sum(cdr.sign) > 0
) AS report
ORDER BY
    report.provider ASC NULLS LAST,
    report.route ASC NULLS LAST
LIMIT {offset:UInt64}, {first:UInt64}
-- customer = '1001'
-- from_hour = 1760918400
-- to_hour = 1763596800
-- first = 1000
-- offset = 0
