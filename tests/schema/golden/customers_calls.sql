SELECT
    base64URLEncode(toJSONString(tuple(toUnixTimestamp64Milli(`#calls`.dt), `#calls`.switch, `#calls`.callid, `#calls`.branch_idx, `#calls`.customer_id))) AS cursor,
    `#calls`.dest_number AS destNumber
FROM
(
    SELECT
        kept.dt AS dt,
        kept.callid AS callid,
        kept.branch_idx AS branch_idx,
        kept.switch AS switch,
        kept.customer_id AS customer_id,
        kept.dest_number AS dest_number
    FROM
    (
        SELECT
            cdr.dt AS dt,
            cdr.callid AS callid,
            cdr.branch_idx AS branch_idx,
            cdr.switch AS switch,
            cdr.customer_id AS customer_id,
            cdr.dest_number AS dest_number
        FROM {database:Identifier}.cdr AS cdr
        WHERE has({customers:Array(String)}, cdr.customer_id) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC')) AND startsWith(cdr.tech_prefix, {where_0:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({after_dt:Int64}, 'UTC')) AND ((toUnixTimestamp64Milli(cdr.dt), cdr.switch, cdr.callid, cdr.branch_idx, cdr.customer_id) > ({after_dt:Int64}, {after_switch:String}, {after_callid:String}, {after_branch_idx:UInt16}, {after_customer:String})) AND ((cdr.switch, cdr.callid, cdr.branch_idx, cdr.customer_id) GLOBAL NOT IN (
            SELECT
                cdr.switch,
                cdr.callid,
                cdr.branch_idx,
                cdr.customer_id
            FROM {database:Identifier}.cdr AS cdr
            WHERE has({customers:Array(String)}, cdr.customer_id) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC')) AND startsWith(cdr.tech_prefix, {where_0:String}) AND (cdr.sign < 0)
        ))
        ORDER BY
            cdr.dt ASC,
            cdr.switch ASC,
            cdr.callid ASC,
            cdr.branch_idx ASC,
            cdr.customer_id ASC
        LIMIT {first:UInt64}
    ) AS kept
    UNION ALL
    SELECT
        corrected.dt AS dt,
        corrected.callid AS callid,
        corrected.branch_idx AS branch_idx,
        corrected.switch AS switch,
        corrected.customer_id AS customer_id,
        corrected.dest_number AS dest_number
    FROM
    (
        SELECT
            cdr.dt AS dt,
            cdr.callid AS callid,
            cdr.branch_idx AS branch_idx,
            cdr.switch AS switch,
            cdr.customer_id AS customer_id,
            cdr.dest_number AS dest_number
        FROM {database:Identifier}.cdr AS cdr
        WHERE has({customers:Array(String)}, cdr.customer_id) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC')) AND startsWith(cdr.tech_prefix, {where_0:String}) AND (cdr.dt >= fromUnixTimestamp64Milli({after_dt:Int64}, 'UTC')) AND ((toUnixTimestamp64Milli(cdr.dt), cdr.switch, cdr.callid, cdr.branch_idx, cdr.customer_id) > ({after_dt:Int64}, {after_switch:String}, {after_callid:String}, {after_branch_idx:UInt16}, {after_customer:String})) AND ((cdr.switch, cdr.callid, cdr.branch_idx, cdr.customer_id) GLOBAL IN (
            SELECT
                cdr.switch,
                cdr.callid,
                cdr.branch_idx,
                cdr.customer_id
            FROM {database:Identifier}.cdr AS cdr
            WHERE has({customers:Array(String)}, cdr.customer_id) AND (cdr.dt >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')) AND (cdr.dt < fromUnixTimestamp64Milli({to:Int64}, 'UTC')) AND startsWith(cdr.tech_prefix, {where_0:String}) AND (cdr.sign < 0)
        ))
        GROUP BY
            cdr.dt,
            cdr.callid,
            cdr.branch_idx,
            cdr.switch,
            cdr.direction,
            cdr.customer_id,
            cdr.account,
            cdr.tech_prefix,
            cdr.source_cli,
            cdr.dest_cli,
            cdr.source_dest_number,
            cdr.dest_number,
            cdr.lrn,
            cdr.answered,
            cdr.duration,
            cdr.customer_duration,
            cdr.customer_charge,
            cdr.customer_card_id,
            cdr.customer_card_rate,
            cdr.customer_card_currency,
            cdr.customer_card_dest_code,
            cdr.customer_card_dest_name,
            cdr.provider_id,
            cdr.provider_card_id,
            cdr.provider_duration,
            cdr.provider_charge,
            cdr.provider_card_currency,
            cdr.pdd_out,
            cdr.ring_duration,
            cdr.sip_code,
            cdr.sip_reason,
            cdr.release_reason,
            cdr.dtmf,
            cdr.source_ip,
            cdr.q850_cause,
            cdr.hangup_side,
            cdr.end_time,
            cdr.codec,
            cdr.mos,
            cdr.packet_loss,
            cdr.jitter,
            cdr.caller_name,
            cdr.linked_callid,
            cdr.extra
        HAVING sum(cdr.sign) > 0
        ORDER BY
            cdr.dt ASC,
            cdr.switch ASC,
            cdr.callid ASC,
            cdr.branch_idx ASC,
            cdr.customer_id ASC
        LIMIT {first:UInt64}
    ) AS corrected
) AS `#calls`
ORDER BY
    `#calls`.dt ASC,
    `#calls`.switch ASC,
    `#calls`.callid ASC,
    `#calls`.branch_idx ASC,
    `#calls`.customer_id ASC
LIMIT {first:UInt64}
-- customers = ['1001', '1002']
-- from = 1760918400000
-- to = 1763596800000
-- where_0 = '00'
-- after_dt = 1
-- after_switch = 's'
-- after_callid = 'c'
-- after_branch_idx = 0
-- after_customer = '1001'
-- first = 100
