SELECT
    report._owner AS customerId,
    report.total_customer_charge AS totalCustomerCharge
FROM
(
    SELECT
        _key_0 AS _owner,
        multiIf((length(mapFilter((currency, rows) -> (rows > 0), sumMap(map(_by_0, _sum_0)))) > 1), NULL, sum(_sum_1)) AS total_customer_charge,
        sum(_sum_2) AS call_count
    FROM
    (
        SELECT
            cdr.customer_id AS _key_0,
            cdr.customer_card_currency AS _by_0,
            sumIf(cdr.sign, cdr.customer_charge != 0) AS _sum_0,
            sum(cdr.customer_charge * cdr.sign) AS _sum_1,
            sumIf(cdr.sign, cdr.branch_idx = 0) AS _sum_2,
            sum(cdr.sign) AS _sum_3
        FROM {database:Identifier}.cdr AS cdr
        WHERE has({customers:Array(String)}, cdr.customer_id) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
        GROUP BY
            cdr.customer_id,
            cdr.customer_card_currency
    ) AS parts
    GROUP BY _key_0
    HAVING sum(_sum_3) > 0
) AS report
ORDER BY
    report.call_count DESC NULLS LAST,
    report._owner ASC NULLS LAST
LIMIT {offset:UInt64}, {first:UInt64}
-- customers = ['1001', '1002']
-- from = 1760918400000
-- to = 1763596800000
-- first = 9
-- offset = 0
