WITH
    cdr AS
    (
        SELECT *
        FROM {database:Identifier}.cdr AS cdr
        WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
    )
SELECT
    report.attempts AS attempts,
    report.connected AS connected
FROM
(
    SELECT
        sum(cdr.sign) AS attempts,
        sumIf(cdr.sign, cdr.answered) AS connected
    FROM cdr
) AS report
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
