WITH
    cdr AS
    (
        SELECT *
        FROM {database:Identifier}.cdr AS cdr
        WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
    )
SELECT
    report.answered_calls AS answeredCalls,
    report.dtmf_calls AS dtmfCalls,
    report.dtmf_ratio AS dtmfRatio,
    report.digits AS digits,
    report.provider_currency AS providerCurrency,
    report.provider_charge AS providerCharge,
    report.cost_per_digit AS costPerDigit
FROM
(
    SELECT
        sumIf(cdr.sign, cdr.answered) AS answered_calls,
        sumIf(cdr.sign, cdr.answered AND (cdr.dtmf != '')) AS dtmf_calls,
        divide(toFloat64(sumIf(cdr.sign, cdr.answered AND (cdr.dtmf != ''))), toFloat64(nullIf(sumIf(cdr.sign, cdr.answered), 0))) AS dtmf_ratio,
        sumIf(toInt64(length(cdr.dtmf)) * cdr.sign, cdr.answered) AS digits,
        multiIf((length(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.provider_card_currency, toInt64(cdr.sign)), cdr.provider_charge != 0)))) = 1), nullIf(arrayElement(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.provider_card_currency, toInt64(cdr.sign)), cdr.provider_charge != 0))), 1), ''), NULL) AS provider_currency,
        multiIf((length(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.provider_card_currency, toInt64(cdr.sign)), cdr.provider_charge != 0))) > 1), NULL, sum(cdr.provider_charge * cdr.sign)) AS provider_charge,
        multiIf((sumIf(toInt64(length(cdr.dtmf)) * cdr.sign, cdr.answered) = 0), NULL, round(divideDecimal(multiIf((length(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.provider_card_currency, toInt64(cdr.sign)), cdr.provider_charge != 0))) > 1), NULL, sum(cdr.provider_charge * cdr.sign)), toDecimal128(multiIf((sumIf(toInt64(length(cdr.dtmf)) * cdr.sign, cdr.answered) = 0), 1, sumIf(toInt64(length(cdr.dtmf)) * cdr.sign, cdr.answered)), 8), 18), 8)) AS cost_per_digit
    FROM cdr
) AS report
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
