WITH
    cdr AS
    (
        SELECT *
        FROM default.cdr AS cdr
        WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
    )
SELECT
    report.total_customer_charge AS totalCustomerCharge,
    report.total_provider_charge AS totalProviderCharge,
    report.customer_currency AS customerCurrency,
    report.provider_currency AS providerCurrency,
    report.call_count AS callCount
FROM
(
    SELECT
        multiIf((length(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.customer_card_currency, toInt64(cdr.sign)), cdr.customer_charge != 0))) > 1), NULL, sum(cdr.customer_charge * cdr.sign)) AS total_customer_charge,
        multiIf((length(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.provider_card_currency, toInt64(cdr.sign)), cdr.provider_charge != 0))) > 1), NULL, sum(cdr.provider_charge * cdr.sign)) AS total_provider_charge,
        multiIf((length(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.customer_card_currency, toInt64(cdr.sign)), cdr.customer_charge != 0)))) = 1), nullIf(arrayElement(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.customer_card_currency, toInt64(cdr.sign)), cdr.customer_charge != 0))), 1), ''), NULL) AS customer_currency,
        multiIf((length(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.provider_card_currency, toInt64(cdr.sign)), cdr.provider_charge != 0)))) = 1), nullIf(arrayElement(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.provider_card_currency, toInt64(cdr.sign)), cdr.provider_charge != 0))), 1), ''), NULL) AS provider_currency,
        sumIf(cdr.sign, cdr.branch_idx = 0) AS call_count
    FROM cdr
) AS report
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
