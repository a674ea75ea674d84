SELECT
    report.attempts AS attempts,
    report.connected AS connected,
    report.asr AS asr,
    report.acd AS acd,
    report.ner AS ner,
    report.talk_time AS talkTime,
    report.customer_duration AS customerDuration,
    report.provider_duration AS providerDuration,
    report.customer_charge AS customerCharge,
    report.customer_currency AS customerCurrency,
    report.provider_charge AS providerCharge,
    report.provider_currency AS providerCurrency,
    report.profit AS profit,
    report.profit_currency AS profitCurrency,
    report.margin AS margin,
    report.pdd_p50 AS pddP50,
    report.pdd_p95 AS pddP95
FROM
(
    SELECT
        sumIf(cdr.sign, cdr.branch_idx = 0) AS attempts,
        sumIf(cdr.sign, cdr.answered) AS connected,
        divide(toFloat64(sumIf(cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.branch_idx = 0), 0))) AS asr,
        divide(toFloat64(sumIf(cdr.duration * cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.answered), 0))) AS acd,
        divide(toFloat64(sumIf(cdr.sign, cdr.answered OR (cdr.sip_code IN (480, 486, 600, 603)))), toFloat64(nullIf(sum(cdr.sign), 0))) AS ner,
        sumIf(cdr.duration * cdr.sign, cdr.answered) AS talk_time,
        sum(cdr.customer_duration * cdr.sign) AS customer_duration,
        sum(cdr.provider_duration * cdr.sign) AS provider_duration,
        multiIf((length(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.customer_card_currency, toInt64(cdr.sign)), cdr.customer_charge != 0))) > 1), NULL, sum(cdr.customer_charge * cdr.sign)) AS customer_charge,
        multiIf((length(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.customer_card_currency, toInt64(cdr.sign)), cdr.customer_charge != 0)))) = 1), nullIf(arrayElement(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.customer_card_currency, toInt64(cdr.sign)), cdr.customer_charge != 0))), 1), ''), NULL) AS customer_currency,
        multiIf((length(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.provider_card_currency, toInt64(cdr.sign)), cdr.provider_charge != 0))) > 1), NULL, sum(cdr.provider_charge * cdr.sign)) AS provider_charge,
        multiIf((length(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.provider_card_currency, toInt64(cdr.sign)), cdr.provider_charge != 0)))) = 1), nullIf(arrayElement(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.provider_card_currency, toInt64(cdr.sign)), cdr.provider_charge != 0))), 1), ''), NULL) AS provider_currency,
        multiIf((length(arrayDistinct(arrayConcat(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.customer_card_currency, toInt64(cdr.sign)), cdr.customer_charge != 0))), mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.provider_card_currency, toInt64(cdr.sign)), cdr.provider_charge != 0)))))) > 1), NULL, sum(cdr.customer_charge * cdr.sign) - sum(cdr.provider_charge * cdr.sign)) AS profit,
        multiIf((length(arrayDistinct(arrayConcat(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.customer_card_currency, toInt64(cdr.sign)), cdr.customer_charge != 0))), mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.provider_card_currency, toInt64(cdr.sign)), cdr.provider_charge != 0)))))) = 1), nullIf(arrayElement(arrayDistinct(arrayConcat(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.customer_card_currency, toInt64(cdr.sign)), cdr.customer_charge != 0))), mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.provider_card_currency, toInt64(cdr.sign)), cdr.provider_charge != 0))))), 1), ''), NULL) AS profit_currency,
        divide(toFloat64(multiIf((length(arrayDistinct(arrayConcat(mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.customer_card_currency, toInt64(cdr.sign)), cdr.customer_charge != 0))), mapKeys(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.provider_card_currency, toInt64(cdr.sign)), cdr.provider_charge != 0)))))) > 1), NULL, sum(cdr.customer_charge * cdr.sign) - sum(cdr.provider_charge * cdr.sign))), toFloat64(nullIf(multiIf((length(mapFilter((currency, rows) -> (rows > 0), sumMapIf(map(cdr.customer_card_currency, toInt64(cdr.sign)), cdr.customer_charge != 0))) > 1), NULL, sum(cdr.customer_charge * cdr.sign)), 0))) AS margin,
        arrayFirstOrNull((value, reached) -> ((toInt128(reached) * 2) >= (toInt128(arraySum(mapValues(mapFilter((value, rows) -> (rows > 0), sumMapIf(map(assumeNotNull(cdr.pdd_out), toInt64(cdr.sign)), isNotNull(cdr.pdd_out)))))) * 1)), mapKeys(mapFilter((value, rows) -> (rows > 0), sumMapIf(map(assumeNotNull(cdr.pdd_out), toInt64(cdr.sign)), isNotNull(cdr.pdd_out)))), arrayCumSum(mapValues(mapFilter((value, rows) -> (rows > 0), sumMapIf(map(assumeNotNull(cdr.pdd_out), toInt64(cdr.sign)), isNotNull(cdr.pdd_out)))))) AS pdd_p50,
        arrayFirstOrNull((value, reached) -> ((toInt128(reached) * 20) >= (toInt128(arraySum(mapValues(mapFilter((value, rows) -> (rows > 0), sumMapIf(map(assumeNotNull(cdr.pdd_out), toInt64(cdr.sign)), isNotNull(cdr.pdd_out)))))) * 19)), mapKeys(mapFilter((value, rows) -> (rows > 0), sumMapIf(map(assumeNotNull(cdr.pdd_out), toInt64(cdr.sign)), isNotNull(cdr.pdd_out)))), arrayCumSum(mapValues(mapFilter((value, rows) -> (rows > 0), sumMapIf(map(assumeNotNull(cdr.pdd_out), toInt64(cdr.sign)), isNotNull(cdr.pdd_out)))))) AS pdd_p95
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
) AS report
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
