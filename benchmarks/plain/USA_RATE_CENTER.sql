WITH cdr AS
(SELECT *
FROM {table:Identifier} AS cdr
WHERE cdr.customer_id = {customer:String} AND cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC'))
SELECT report.prefix AS prefix, report.rc AS rc, report.total_customer_charge AS totalCustomerCharge, report.call_count AS callCount
FROM (
SELECT CASE WHEN (cdr.dest_nanp > 0) THEN toString(intDiv(cdr.dest_nanp, 10000)) ELSE toString(cdr.customer_card_dest_code) END AS prefix, dictGet('rate_center', 'rate_center', intDiv(cdr.dest_nanp, 1000)) AS rc, CASE WHEN (length(mapFilter((currency, rows) -> rows > 0, sumMapIf(map(cdr.customer_card_currency, toInt64(cdr.sign)), cdr.customer_charge != 0))) > 1) THEN NULL ELSE sum(cdr.customer_charge * cdr.sign) END AS total_customer_charge, sumIf(cdr.sign, cdr.branch_idx = 0) AS call_count
FROM cdr
GROUP BY CASE WHEN (cdr.dest_nanp > 0) THEN toString(intDiv(cdr.dest_nanp, 10000)) ELSE toString(cdr.customer_card_dest_code) END, dictGet('rate_center', 'rate_center', intDiv(cdr.dest_nanp, 1000))
HAVING sum(cdr.sign) > 0) AS report
ORDER BY report.prefix ASC NULLS LAST, report.rc ASC NULLS LAST
LIMIT {first:UInt64} OFFSET {offset:UInt64}
