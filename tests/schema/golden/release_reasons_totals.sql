SELECT
    report.attempts AS attempts,
    report.connected AS connected
FROM
(
    SELECT
        sum(cdr.sign) AS attempts,
        sumIf(cdr.sign, cdr.answered) AS connected
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (toStartOfHour(cdr.dt) >= fromUnixTimestamp({from_hour:Int64})) AND (toStartOfHour(cdr.dt) < fromUnixTimestamp({to_hour:Int64}))
) AS report
-- customer = '1001'
-- from_hour = 1760918400
-- to_hour = 1763596800
