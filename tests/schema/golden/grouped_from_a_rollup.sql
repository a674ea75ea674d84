SELECT
    report.hour_of_day AS hourOfDay,
    report.ner AS ner
FROM
(
    SELECT
        toInt64(toHour(toStartOfHour(cdr.dt))) AS hour_of_day,
        divide(toFloat64(sumIf(cdr.sign, cdr.answered OR (cdr.sip_code IN (480, 486, 600, 603)))), toFloat64(nullIf(sum(cdr.sign), 0))) AS ner
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (toStartOfHour(cdr.dt) >= fromUnixTimestamp({from_hour:Int64})) AND (toStartOfHour(cdr.dt) < fromUnixTimestamp({to_hour:Int64}))
    GROUP BY toInt64(toHour(toStartOfHour(cdr.dt)))
    HAVING sum(cdr.sign) > 0
) AS report
ORDER BY report.hour_of_day ASC NULLS LAST
LIMIT {offset:UInt64}, {first:UInt64}
-- customer = '1001'
-- from_hour = 1760918400
-- to_hour = 1763596800
-- first = 10
-- offset = 0
