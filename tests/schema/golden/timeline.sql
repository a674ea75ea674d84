SELECT
    fromUnixTimestamp64Milli(buckets._start, 'UTC') AS start,
    fromUnixTimestamp64Milli(buckets._end, 'UTC') AS end,
    toBool(({cut_first:Bool} AND (buckets._start = {from:Int64})) OR ({cut_last:Bool} AND (buckets._end = {to:Int64}))) AS clipped,
    multiIf((figures._found = 1), figures.asr, nothing.asr) AS asr
FROM
(
    SELECT
        tupleElement(bounds.bucket, 1) AS _start,
        tupleElement(bounds.bucket, 2) AS _end
    FROM
    (
        SELECT arrayJoin(arrayZip({buckets:Array(Int64)}, arrayPushBack(arrayPopFront({buckets:Array(Int64)}), {to:Int64}))) AS bucket
    ) AS bounds
) AS buckets
INNER JOIN
(
    SELECT 0 AS _place
) AS places ON true
INNER JOIN
(
    WITH
        cdr AS
        (
            SELECT *
            FROM {database:Identifier}.cdr AS cdr
            WHERE false
        )
    SELECT divide(toFloat64(sumIf(cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.branch_idx = 0), 0))) AS asr
    FROM cdr
) AS nothing ON true
LEFT JOIN
(
    SELECT
        report._start AS _start,
        report.asr AS asr,
        0 AS _place,
        1 AS _found
    FROM
    (
        SELECT
            roundDown(toUnixTimestamp64Milli(cdr.dt), {buckets:Array(Int64)}) AS _start,
            divide(toFloat64(sumIf(cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.branch_idx = 0), 0))) AS asr
        FROM {database:Identifier}.cdr AS cdr
        WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
        GROUP BY roundDown(toUnixTimestamp64Milli(cdr.dt), {buckets:Array(Int64)})
        HAVING sum(cdr.sign) > 0
    ) AS report
) AS figures ON (figures._start = buckets._start) AND (figures._place = places._place)
ORDER BY
    places._place = 0 ASC,
    places._place ASC,
    buckets._start ASC
-- cut_first = True
-- from = 1760918400000
-- cut_last = True
-- to = 1763596800000
-- buckets = [1760918400000, 1761503400000, 1762108200000, 1762713000000, 1763317800000]
-- customer = '1001'
