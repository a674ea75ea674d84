SELECT
    report.prefix AS prefix,
    report.rc AS rc,
    report.total_customer_charge AS totalCustomerCharge,
    report.total_provider_charge AS totalProviderCharge,
    report.customer_currency AS customerCurrency,
    report.provider_currency AS providerCurrency,
    report.call_count AS callCount
FROM
(
    SELECT
        _key_0 AS prefix,
        _key_1 AS rc,
        multiIf((length(mapFilter((currency, rows) -> (rows > 0), sumMap(map(_by_0, _sum_0)))) > 1), NULL, sum(_sum_1)) AS total_customer_charge,
        multiIf((length(mapFilter((currency, rows) -> (rows > 0), sumMap(map(_by_1, _sum_2)))) > 1), NULL, sum(_sum_3)) AS total_provider_charge,
        multiIf((length(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMap(map(_by_0, _sum_0))))) = 1), nullIf(arrayElement(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMap(map(_by_0, _sum_0)))), 1), ''), NULL) AS customer_currency,
        multiIf((length(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMap(map(_by_1, _sum_2))))) = 1), nullIf(arrayElement(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMap(map(_by_1, _sum_2)))), 1), ''), NULL) AS provider_currency,
        sum(_sum_4) AS call_count
    FROM
    (
        SELECT
            multiIf((cdr.dest_nanp > 0), toString(intDiv(cdr.dest_nanp, 10000)), toString(cdr.customer_card_dest_code)) AS _key_0,
            dictGetOrDefault(concat({database:String}, '.rate_center_before'), 'rate_center', intDiv(cdr.dest_nanp, 1000), toUnixTimestamp64Milli(cdr.dt), dictGet(concat({database:String}, '.rate_center'), 'rate_center', intDiv(cdr.dest_nanp, 1000))) AS _key_1,
            cdr.customer_card_currency AS _by_0,
            cdr.provider_card_currency AS _by_1,
            sumIf(cdr.sign, cdr.customer_charge != 0) AS _sum_0,
            sum(cdr.customer_charge * cdr.sign) AS _sum_1,
            sumIf(cdr.sign, cdr.provider_charge != 0) AS _sum_2,
            sum(cdr.provider_charge * cdr.sign) AS _sum_3,
            sumIf(cdr.sign, cdr.branch_idx = 0) AS _sum_4,
            sum(cdr.sign) AS _sum_5
        FROM {database:Identifier}.cdr AS cdr
        WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
        GROUP BY
            multiIf((cdr.dest_nanp > 0), toString(intDiv(cdr.dest_nanp, 10000)), toString(cdr.customer_card_dest_code)),
            dictGetOrDefault(concat({database:String}, '.rate_center_before'), 'rate_center', intDiv(cdr.dest_nanp, 1000), toUnixTimestamp64Milli(cdr.dt), dictGet(concat({database:String}, '.rate_center'), 'rate_center', intDiv(cdr.dest_nanp, 1000))),
            cdr.customer_card_currency,
            cdr.provider_card_currency
    ) AS parts
    GROUP BY
        _key_0,
        _key_1
    HAVING sum(_sum_5) > 0
) AS report
ORDER BY
    report.prefix ASC NULLS LAST,
    report.rc ASC NULLS LAST
LIMIT {offset:UInt64}, {first:UInt64}
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
-- first = 1000
-- offset = 0
