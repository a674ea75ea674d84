WITH cdr AS
(SELECT *
FROM {table:Identifier} AS cdr
WHERE cdr.customer_id = {customer:String} AND cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
SELECT report.route AS route, report.answered_calls AS answeredCalls, report.dtmf_calls AS dtmfCalls, report.dtmf_ratio AS dtmfRatio, report.digits AS digits, report.provider_charge AS providerCharge, report.cost_per_digit AS costPerDigit
FROM (
SELECT cdr.provider_card_id AS route, sumIf(cdr.sign, cdr.answered) AS answered_calls, sumIf(cdr.sign, cdr.answered AND cdr.dtmf != '') AS dtmf_calls, divide(toFloat64(sumIf(cdr.sign, cdr.answered AND cdr.dtmf != '')), toFloat64(nullIf(sumIf(cdr.sign, cdr.answered), 0))) AS dtmf_ratio, sumIf(toInt64(length(cdr.dtmf)) * cdr.sign, cdr.answered) AS digits, CASE WHEN (length(mapFilter((currency, rows) -> rows > 0, sumMapIf(map(cdr.provider_card_currency, toInt64(cdr.sign)), cdr.provider_charge != 0))) > 1) THEN NULL ELSE sum(cdr.provider_charge * cdr.sign) END AS provider_charge, CASE WHEN (sumIf(toInt64(length(cdr.dtmf)) * cdr.sign, cdr.answered) = 0) THEN NULL ELSE round(divideDecimal(CASE WHEN (length(mapFilter((currency, rows) -> rows > 0, sumMapIf(map(cdr.provider_card_currency, toInt64(cdr.sign)), cdr.provider_charge != 0))) > 1) THEN NULL ELSE sum(cdr.provider_charge * cdr.sign) END, toDecimal128(CASE WHEN (sumIf(toInt64(length(cdr.dtmf)) * cdr.sign, cdr.answered) = 0) THEN 1 ELSE sumIf(toInt64(length(cdr.dtmf)) * cdr.sign, cdr.answered) END, 8), 18), 8) END AS cost_per_digit
FROM cdr
GROUP BY cdr.provider_card_id
HAVING sum(cdr.sign) > 0) AS report
ORDER BY report.route ASC NULLS LAST
LIMIT {first:UInt64} OFFSET {offset:UInt64}
