SELECT
    report.provider AS provider,
    report.route AS route,
    report.attempts AS attempts,
    report.answered_calls AS answeredCalls,
    report.asr AS asr,
    report.ner AS ner,
    report.acd AS acd,
    report.pdd_p50 AS pddP50,
    report.pdd_p95 AS pddP95
FROM
(
    SELECT
        cdr.provider_id AS provider,
        cdr.provider_card_id AS route,
        sum(cdr.sign) AS attempts,
        sumIf(cdr.sign, cdr.answered) AS answered_calls,
        divide(toFloat64(sumIf(cdr.sign, cdr.answered)), toFloat64(nullIf(sum(cdr.sign), 0))) AS asr,
        divide(toFloat64(sumIf(cdr.sign, cdr.answered OR (cdr.sip_code IN (480, 486, 600, 603)))), toFloat64(nullIf(sum(cdr.sign), 0))) AS ner,
        divide(toFloat64(sumIf(cdr.duration * cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.answered), 0))) AS acd,
        arrayFirstOrNull((value, reached) -> ((toInt128(reached) * 2) >= (toInt128(arraySum(mapValues(mapFilter((value, rows) -> (rows > 0), sumMapIf(map(assumeNotNull(cdr.pdd_out), toInt64(cdr.sign)), isNotNull(cdr.pdd_out)))))) * 1)), mapKeys(mapFilter((value, rows) -> (rows > 0), sumMapIf(map(assumeNotNull(cdr.pdd_out), toInt64(cdr.sign)), isNotNull(cdr.pdd_out)))), arrayCumSum(mapValues(mapFilter((value, rows) -> (rows > 0), sumMapIf(map(assumeNotNull(cdr.pdd_out), toInt64(cdr.sign)), isNotNull(cdr.pdd_out)))))) AS pdd_p50,
        arrayFirstOrNull((value, reached) -> ((toInt128(reached) * 20) >= (toInt128(arraySum(mapValues(mapFilter((value, rows) -> (rows > 0), sumMapIf(map(assumeNotNull(cdr.pdd_out), toInt64(cdr.sign)), isNotNull(cdr.pdd_out)))))) * 19)), mapKeys(mapFilter((value, rows) -> (rows > 0), sumMapIf(map(assumeNotNull(cdr.pdd_out), toInt64(cdr.sign)), isNotNull(cdr.pdd_out)))), arrayCumSum(mapValues(mapFilter((value, rows) -> (rows > 0), sumMapIf(map(assumeNotNull(cdr.pdd_out), toInt64(cdr.sign)), isNotNull(cdr.pdd_out)))))) AS pdd_p95
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
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
-- from = 1760918400000
-- to = 1763596800000
-- first = 1000
-- offset = 0
