SELECT
    fromUnixTimestamp64Milli(buckets._start, 'UTC') AS start,
    multiIf(toBool(places._place = 0), NULL, places.tech_prefix) AS techPrefix,
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
    SELECT
        ranked.tech_prefix AS tech_prefix,
        multiIf((ranked._place > {n:Int64}), 0, ranked._place) AS _place
    FROM
    (
        SELECT
            report.tech_prefix AS tech_prefix,
            toInt64(row_number() OVER (ORDER BY report.total DESC NULLS LAST, report.tech_prefix ASC NULLS LAST)) AS _place
        FROM
        (
            SELECT
                cdr.tech_prefix AS tech_prefix,
                sumIf(cdr.sign, cdr.branch_idx = 0) AS total
            FROM {database:Identifier}.cdr AS cdr
            WHERE (cdr.customer_id = {customer:String}) AND (toStartOfHour(cdr.dt) >= fromUnixTimestamp({from_hour:Int64})) AND (toStartOfHour(cdr.dt) < fromUnixTimestamp({to_hour:Int64}))
            GROUP BY cdr.tech_prefix
            HAVING sum(cdr.sign) > 0
        ) AS report
    ) AS ranked
    WHERE ranked._place <= ({n:Int64} + 1)
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
        report._place AS _place,
        report.asr AS asr,
        1 AS _found
    FROM
    (
        SELECT
            roundDown(toUnixTimestamp64Milli(cdr.dt), {buckets:Array(Int64)}) AS _start,
            toInt64(indexOf((
                SELECT tupleElement(arraySort(groupArray(first.placed)), 2) AS tupleElement_1
                FROM
                (
                    SELECT tuple(ranked._place, tuple(ranked.tech_prefix)) AS placed
                    FROM
                    (
                        SELECT
                            report.tech_prefix AS tech_prefix,
                            toInt64(row_number() OVER (ORDER BY report.total DESC NULLS LAST, report.tech_prefix ASC NULLS LAST)) AS _place
                        FROM
                        (
                            SELECT
                                cdr.tech_prefix AS tech_prefix,
                                sumIf(cdr.sign, cdr.branch_idx = 0) AS total
                            FROM {database:Identifier}.cdr AS cdr
                            WHERE (cdr.customer_id = {customer:String}) AND (toStartOfHour(cdr.dt) >= fromUnixTimestamp({from_hour:Int64})) AND (toStartOfHour(cdr.dt) < fromUnixTimestamp({to_hour:Int64}))
                            GROUP BY cdr.tech_prefix
                            HAVING sum(cdr.sign) > 0
                        ) AS report
                    ) AS ranked
                    WHERE ranked._place <= {n:Int64}
                ) AS first
            ), tuple(cdr.tech_prefix))) AS _place,
            divide(toFloat64(sumIf(cdr.sign, cdr.answered)), toFloat64(nullIf(sumIf(cdr.sign, cdr.branch_idx = 0), 0))) AS asr
        FROM {database:Identifier}.cdr AS cdr
        WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
        GROUP BY
            roundDown(toUnixTimestamp64Milli(cdr.dt), {buckets:Array(Int64)}),
            toInt64(indexOf((
                SELECT tupleElement(arraySort(groupArray(first.placed)), 2) AS tupleElement_1
                FROM
                (
                    SELECT tuple(ranked._place, tuple(ranked.tech_prefix)) AS placed
                    FROM
                    (
                        SELECT
                            report.tech_prefix AS tech_prefix,
                            toInt64(row_number() OVER (ORDER BY report.total DESC NULLS LAST, report.tech_prefix ASC NULLS LAST)) AS _place
                        FROM
                        (
                            SELECT
                                cdr.tech_prefix AS tech_prefix,
                                sumIf(cdr.sign, cdr.branch_idx = 0) AS total
                            FROM {database:Identifier}.cdr AS cdr
                            WHERE (cdr.customer_id = {customer:String}) AND (toStartOfHour(cdr.dt) >= fromUnixTimestamp({from_hour:Int64})) AND (toStartOfHour(cdr.dt) < fromUnixTimestamp({to_hour:Int64}))
                            GROUP BY cdr.tech_prefix
                            HAVING sum(cdr.sign) > 0
                        ) AS report
                    ) AS ranked
                    WHERE ranked._place <= {n:Int64}
                ) AS first
            ), tuple(cdr.tech_prefix)))
        HAVING sum(cdr.sign) > 0
    ) AS report
) AS figures ON (figures._start = buckets._start) AND (figures._place = places._place)
ORDER BY
    places._place = 0 ASC,
    places._place ASC,
    buckets._start ASC
-- buckets = [1760918400000, 1761503400000, 1762108200000, 1762713000000, 1763317800000]
-- to = 1763596800000
-- n = 5
-- customer = '1001'
-- from_hour = 1760918400
-- to_hour = 1763596800
-- from = 1760918400000
