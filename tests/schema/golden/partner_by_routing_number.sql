SELECT
    report.prefix AS prefix,
    report.customer_currency AS customerCurrency
FROM
(
    SELECT
        multiIf((multiIf((cdr.lrn != ''), cdr.lrn_nanp, cdr.dest_nanp) > 0), toString(intDiv(multiIf((cdr.lrn != ''), cdr.lrn_nanp, cdr.dest_nanp), 10000)), toString(cdr.customer_card_dest_code)) AS prefix,
        nullIf(toString(cdr.customer_card_currency), '') AS customer_currency,
        dictGetOrDefault(concat({database:String}, '.rate_center_before'), 'rate_center', intDiv(multiIf((cdr.lrn != ''), cdr.lrn_nanp, cdr.dest_nanp), 1000), toUnixTimestamp64Milli(cdr.dt), dictGet(concat({database:String}, '.rate_center'), 'rate_center', intDiv(multiIf((cdr.lrn != ''), cdr.lrn_nanp, cdr.dest_nanp), 1000))) AS rc
    FROM {database:Identifier}.cdr AS cdr
    WHERE (cdr.customer_id = {customer:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
    GROUP BY
        multiIf((multiIf((cdr.lrn != ''), cdr.lrn_nanp, cdr.dest_nanp) > 0), toString(intDiv(multiIf((cdr.lrn != ''), cdr.lrn_nanp, cdr.dest_nanp), 10000)), toString(cdr.customer_card_dest_code)),
        dictGetOrDefault(concat({database:String}, '.rate_center_before'), 'rate_center', intDiv(multiIf((cdr.lrn != ''), cdr.lrn_nanp, cdr.dest_nanp), 1000), toUnixTimestamp64Milli(cdr.dt), dictGet(concat({database:String}, '.rate_center'), 'rate_center', intDiv(multiIf((cdr.lrn != ''), cdr.lrn_nanp, cdr.dest_nanp), 1000))),
        nullIf(toString(cdr.customer_card_currency), '')
    HAVING sum(cdr.sign) > 0
) AS report
ORDER BY
    report.prefix ASC NULLS LAST,
    report.rc ASC NULLS LAST,
    report.customer_currency ASC NULLS LAST
LIMIT {offset:UInt64}, {first:UInt64}
-- customer = '1001'
-- from = 1760918400000
-- to = 1763596800000
-- first = 1000
-- offset = 0
