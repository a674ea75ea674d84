CREATE TABLE IF NOT EXISTS migration ON CLUSTER main
(
    `number` UInt32,
    `name` String,
    `cluster` String,
    `applied_at` DateTime64(3, 'UTC')
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{database}/migration', '{shard}-{replica}', applied_at)
ORDER BY number;

CREATE TABLE IF NOT EXISTS cdr_local ON CLUSTER main
(
    `dt` DateTime64(3, 'UTC'),
    `callid` String,
    `branch_idx` UInt16,
    `switch` LowCardinality(String),
    `direction` LowCardinality(String),
    `customer_id` LowCardinality(String),
    `account` LowCardinality(String),
    `tech_prefix` LowCardinality(String),
    `source_cli` String,
    `dest_cli` String,
    `source_dest_number` String,
    `dest_number` String,
    `lrn` String,
    `answered` Bool,
    `duration` Decimal(18, 3),
    `customer_duration` Decimal(18, 3),
    `customer_charge` Decimal(18, 8),
    `customer_card_id` LowCardinality(String),
    `customer_card_rate` Decimal(18, 8),
    `customer_card_currency` LowCardinality(String),
    `customer_card_dest_code` LowCardinality(String),
    `customer_card_dest_name` LowCardinality(String),
    `provider_id` LowCardinality(String),
    `provider_card_id` LowCardinality(String),
    `provider_duration` Decimal(18, 3),
    `provider_charge` Decimal(18, 8),
    `provider_card_currency` LowCardinality(String),
    `pdd_out` Nullable(UInt32),
    `ring_duration` Decimal(18, 3),
    `sip_code` UInt16,
    `sip_reason` LowCardinality(String),
    `release_reason` LowCardinality(String),
    `dtmf` String,
    `source_ip` String,
    `q850_cause` UInt16,
    `hangup_side` LowCardinality(String),
    `end_time` Nullable(DateTime64(3, 'UTC')),
    `codec` LowCardinality(String),
    `mos` Nullable(Decimal(18, 3)),
    `packet_loss` Nullable(Decimal(18, 3)),
    `jitter` Nullable(Decimal(18, 3)),
    `caller_name` String,
    `linked_callid` String,
    `extra` String,
    `sign` Int8,
    `loaded_at` DateTime64(3, 'UTC'),
    `load_id` UInt64,
    `dest_nanp` UInt64 DEFAULT if((length(dest_number) = 10) AND (customer_card_dest_code != '') AND (NOT startsWith(customer_card_dest_code, '1')), 0, toUInt64OrZero(extract(dest_number, '^(?:\\+?1)?([2-9][0-9]{2}[2-9][0-9]{6})(?:~[0-9]+)?$'))),
    `lrn_nanp` UInt64 DEFAULT toUInt64OrZero(extract(lrn, '^(?:\\+?1)?([2-9][0-9]{2}[2-9][0-9]{6})(?:~[0-9]+)?$')),
    `cli_nanp` UInt64 DEFAULT toUInt64OrZero(extract(dest_cli, '^(?:\\+?1)?([2-9][0-9]{2}[2-9][0-9]{6})(?:~[0-9]+)?$'))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{database}/cdr_local/{shard}', '{replica}')
PARTITION BY toYYYYMM(dt)
ORDER BY (customer_id, dt, switch, callid, branch_idx);

CREATE TABLE IF NOT EXISTS cdr ON CLUSTER main AS cdr_local
ENGINE = Distributed('main', 'reports', 'cdr_local', cityHash64(switch, callid));

CREATE TABLE IF NOT EXISTS did ON CLUSTER main
(
    `customer_id` String,
    `number` String,
    `valid_from` DateTime64(3, 'UTC'),
    `valid_to` Nullable(DateTime64(3, 'UTC')),
    `loaded_at` DateTime64(6, 'UTC'),
    `known_from` DateTime64(6, 'UTC')
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{database}/did', '{shard}-{replica}', loaded_at)
ORDER BY (customer_id, number, valid_from, known_from);

CREATE TABLE IF NOT EXISTS numbering ON CLUSTER main
(
    `prefix` String,
    `rate_center` String,
    `state` LowCardinality(String),
    `loaded_at` DateTime64(6, 'UTC'),
    `valid_from` DateTime64(3, 'UTC'),
    `known_from` DateTime64(6, 'UTC')
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{database}/numbering', '{shard}-{replica}', loaded_at)
ORDER BY (prefix, valid_from, known_from);

INSERT INTO migration (number, name, cluster, applied_at) SELECT
    1,
    'calls, DIDs and numbering data',
    'main',
    now64(3, 'UTC');

CREATE TABLE IF NOT EXISTS cdr_load ON CLUSTER main
(
    `finished_at` DateTime64(3, 'UTC'),
    `last_dt` DateTime64(3, 'UTC'),
    `added` UInt64,
    `id` UInt64,
    `file` String,
    `hash` String,
    `user` String,
    `started_at` DateTime64(3, 'UTC'),
    `first_dt` DateTime64(3, 'UTC'),
    `corrected` UInt64,
    `there_before` UInt64,
    `rejected` UInt64,
    `unloaded_at` Nullable(DateTime64(3, 'UTC'))
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{database}/cdr_load', '{shard}-{replica}')
ORDER BY finished_at;

INSERT INTO migration (number, name, cluster, applied_at) SELECT
    2,
    'loads that came to their end',
    'main',
    now64(3, 'UTC');

ALTER TABLE cdr_local ON CLUSTER main
    (MODIFY SETTING lightweight_mutation_projection_mode = 'rebuild');

INSERT INTO migration (number, name, cluster, applied_at) SELECT
    3,
    'deletes that keep rollups',
    'main',
    now64(3, 'UTC');

ALTER TABLE cdr_local ON CLUSTER main
    (MODIFY COLUMN `callid` CODEC(ZSTD(1))),
    (MODIFY COLUMN `source_cli` CODEC(ZSTD(1))),
    (MODIFY COLUMN `dest_cli` CODEC(ZSTD(1))),
    (MODIFY COLUMN `source_dest_number` CODEC(ZSTD(1))),
    (MODIFY COLUMN `dest_number` CODEC(ZSTD(1))),
    (MODIFY COLUMN `lrn` CODEC(ZSTD(1))),
    (MODIFY COLUMN `source_ip` CODEC(ZSTD(1))),
    (MODIFY COLUMN `dt` CODEC(T64, ZSTD(1))),
    (MODIFY COLUMN `loaded_at` CODEC(Delta, ZSTD(1))),
    (MODIFY COLUMN `duration` CODEC(T64, LZ4)),
    (MODIFY COLUMN `ring_duration` CODEC(T64, LZ4)),
    (MODIFY COLUMN `customer_card_rate` CODEC(T64, LZ4)),
    (MODIFY COLUMN `sip_code` CODEC(T64, LZ4));

ALTER TABLE cdr_local ON CLUSTER main
    (MODIFY SETTING default_compression_codec = 'LZ4');

INSERT INTO migration (number, name, cluster, applied_at) SELECT
    4,
    'codecs of the calls',
    'main',
    now64(3, 'UTC');

ALTER TABLE cdr_local ON CLUSTER main
    (MODIFY SETTING primary_key_ratio_of_unique_prefix_values_to_skip_suffix_columns = 1);

INSERT INTO migration (number, name, cluster, applied_at) SELECT
    5,
    'whole indexes',
    'main',
    now64(3, 'UTC');

ALTER TABLE cdr_local ON CLUSTER main
    (ADD COLUMN IF NOT EXISTS `load_id` UInt64),
    (ADD COLUMN IF NOT EXISTS `q850_cause` UInt16),
    (ADD COLUMN IF NOT EXISTS `hangup_side` LowCardinality(String)),
    (ADD COLUMN IF NOT EXISTS `end_time` Nullable(DateTime64(3, 'UTC'))),
    (ADD COLUMN IF NOT EXISTS `codec` LowCardinality(String)),
    (ADD COLUMN IF NOT EXISTS `mos` Nullable(Decimal(18, 3))),
    (ADD COLUMN IF NOT EXISTS `packet_loss` Nullable(Decimal(18, 3))),
    (ADD COLUMN IF NOT EXISTS `jitter` Nullable(Decimal(18, 3))),
    (ADD COLUMN IF NOT EXISTS `caller_name` String),
    (ADD COLUMN IF NOT EXISTS `linked_callid` String),
    (ADD COLUMN IF NOT EXISTS `extra` String);

ALTER TABLE cdr_local ON CLUSTER main
    (MODIFY COLUMN `load_id` CODEC(T64, LZ4)),
    (MODIFY COLUMN `q850_cause` CODEC(T64, LZ4)),
    (MODIFY COLUMN `hangup_side` CODEC(LZ4)),
    (MODIFY COLUMN `end_time` CODEC(T64, ZSTD(1))),
    (MODIFY COLUMN `codec` CODEC(LZ4)),
    (MODIFY COLUMN `mos` CODEC(T64, LZ4)),
    (MODIFY COLUMN `packet_loss` CODEC(T64, LZ4)),
    (MODIFY COLUMN `jitter` CODEC(T64, LZ4)),
    (MODIFY COLUMN `caller_name` CODEC(ZSTD(1))),
    (MODIFY COLUMN `linked_callid` CODEC(ZSTD(1))),
    (MODIFY COLUMN `extra` CODEC(ZSTD(1)));

ALTER TABLE cdr ON CLUSTER main
    (ADD COLUMN IF NOT EXISTS `load_id` UInt64),
    (ADD COLUMN IF NOT EXISTS `q850_cause` UInt16),
    (ADD COLUMN IF NOT EXISTS `hangup_side` LowCardinality(String)),
    (ADD COLUMN IF NOT EXISTS `end_time` Nullable(DateTime64(3, 'UTC'))),
    (ADD COLUMN IF NOT EXISTS `codec` LowCardinality(String)),
    (ADD COLUMN IF NOT EXISTS `mos` Nullable(Decimal(18, 3))),
    (ADD COLUMN IF NOT EXISTS `packet_loss` Nullable(Decimal(18, 3))),
    (ADD COLUMN IF NOT EXISTS `jitter` Nullable(Decimal(18, 3))),
    (ADD COLUMN IF NOT EXISTS `caller_name` String),
    (ADD COLUMN IF NOT EXISTS `linked_callid` String),
    (ADD COLUMN IF NOT EXISTS `extra` String);

ALTER TABLE cdr_load ON CLUSTER main
    (ADD COLUMN IF NOT EXISTS `id` UInt64),
    (ADD COLUMN IF NOT EXISTS `file` String),
    (ADD COLUMN IF NOT EXISTS `hash` String),
    (ADD COLUMN IF NOT EXISTS `user` String),
    (ADD COLUMN IF NOT EXISTS `started_at` DateTime64(3, 'UTC')),
    (ADD COLUMN IF NOT EXISTS `first_dt` DateTime64(3, 'UTC')),
    (ADD COLUMN IF NOT EXISTS `corrected` UInt64),
    (ADD COLUMN IF NOT EXISTS `there_before` UInt64),
    (ADD COLUMN IF NOT EXISTS `rejected` UInt64),
    (ADD COLUMN IF NOT EXISTS `unloaded_at` Nullable(DateTime64(3, 'UTC')));

ALTER TABLE cdr_load ON CLUSTER main
    (MODIFY COLUMN `id` CODEC(LZ4)),
    (MODIFY COLUMN `file` CODEC(LZ4)),
    (MODIFY COLUMN `hash` CODEC(LZ4)),
    (MODIFY COLUMN `user` CODEC(LZ4)),
    (MODIFY COLUMN `started_at` CODEC(LZ4)),
    (MODIFY COLUMN `first_dt` CODEC(LZ4)),
    (MODIFY COLUMN `corrected` CODEC(LZ4)),
    (MODIFY COLUMN `there_before` CODEC(LZ4)),
    (MODIFY COLUMN `rejected` CODEC(LZ4)),
    (MODIFY COLUMN `unloaded_at` CODEC(LZ4));

INSERT INTO migration (number, name, cluster, applied_at) SELECT
    6,
    'what switches tell of a call, and loads',
    'main',
    now64(3, 'UTC');

CREATE TABLE IF NOT EXISTS cdr_load_customer ON CLUSTER main
(
    `customer_id` LowCardinality(String),
    `last_dt` DateTime64(3, 'UTC'),
    `id` UInt64
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{database}/cdr_load_customer', '{shard}-{replica}')
ORDER BY (customer_id, last_dt);

INSERT INTO migration (number, name, cluster, applied_at) SELECT
    7,
    'customers of loads',
    'main',
    now64(3, 'UTC');

ALTER TABLE numbering ON CLUSTER main
    (ADD COLUMN IF NOT EXISTS `valid_from` DateTime64(3, 'UTC')),
    (ADD COLUMN IF NOT EXISTS `known_from` DateTime64(6, 'UTC')),
    (MODIFY ORDER BY (prefix, valid_from, known_from));

ALTER TABLE did ON CLUSTER main
    (ADD COLUMN IF NOT EXISTS `known_from` DateTime64(6, 'UTC')),
    (MODIFY ORDER BY (customer_id, number, valid_from, known_from));

INSERT INTO migration (number, name, cluster, applied_at) SELECT
    8,
    'numbering data and DIDs over time',
    'main',
    now64(3, 'UTC');

CREATE OR REPLACE DICTIONARY rate_center ON CLUSTER main
(
    `block` UInt64,
    `rate_center` String DEFAULT '',
    `state` String DEFAULT ''
)
PRIMARY KEY block
SOURCE(CLICKHOUSE(USER 'loader' PASSWORD '[HIDDEN]' QUERY '\nSELECT block, argMax(rate_center, precise) AS rate_center, argMax(state, precise) AS state\nFROM (\n    SELECT arrayJoin(if(length(prefix) = 7, [toUInt64(prefix)], arrayMap(d -> toUInt64(prefix) * 10 + d, range(10)))) AS block, length(prefix) AS precise, timeline[-1].3 AS rate_center, timeline[-1].4 AS state\n    FROM (SELECT prefix, arrayFilter((x, u) -> u = 9223372036854775807, said, until) AS timeline FROM (\nSELECT prefix,\n    arraySort(groupArray((toUnixTimestamp64Milli(valid_from), known, rate_center, toString(state)))) AS said,\n    arrayMap(x -> arrayMin(arrayMap(y -> if(y.2 > x.2 AND y.1 IN (x.1, 0), y.2, 9223372036854775807), said)), said) AS until\nFROM (\n    SELECT prefix, valid_from, rate_center, state,\n        toUnixTimestamp64Micro(if(known_from = 0, loaded_at, known_from)) AS known\n    FROM `reports`.numbering FINAL\n) GROUP BY prefix\n)) WHERE rate_center != \'\'\n) GROUP BY block\n' INVALIDATE_QUERY 'SELECT max(loaded_at) FROM `reports`.numbering'))
LIFETIME(MIN 10 MAX 20)
LAYOUT(HASHED());

CREATE OR REPLACE DICTIONARY rate_center_before ON CLUSTER main
(
    `block` UInt64,
    `valid_from` Int64,
    `valid_to` Int64,
    `rate_center` String DEFAULT '',
    `state` String DEFAULT ''
)
PRIMARY KEY block
SOURCE(CLICKHOUSE(USER 'loader' PASSWORD '[HIDDEN]' QUERY '\nSELECT block, span.1 AS valid_from, span.2 AS valid_to, span.3 AS rate_center, span.4 AS state FROM (\n    SELECT block,\n        arraySort(arrayDistinct(arrayConcat([toInt64(0)], own.1, code.1))) AS starts,\n        arrayJoin(arrayMap(\n            (start, next) -> (\n                start, next - 1,\n                if((arrayLast(x -> x.1 <= start, own) AS its).3 != \'\', its, arrayLast(x -> x.1 <= start, code)) AS one\n            ),\n            arrayPopBack(starts), arrayPopFront(starts)\n        )) AS pair,\n        (pair.1, pair.2, pair.3.3, if(pair.3.3 = \'\', \'\', pair.3.4)) AS span\n    FROM (\n        SELECT block, groupArrayArrayIf(timeline, precise) AS own, groupArrayArrayIf(timeline, NOT precise) AS code\n        FROM (\n            SELECT arrayJoin(if(length(prefix) = 7, [toUInt64(prefix)], arrayMap(d -> toUInt64(prefix) * 10 + d, range(10)))) AS block, length(prefix) = 7 AS precise, timeline FROM (SELECT prefix, arrayFilter((x, u) -> u = 9223372036854775807, said, until) AS timeline FROM (\nSELECT prefix,\n    arraySort(groupArray((toUnixTimestamp64Milli(valid_from), known, rate_center, toString(state)))) AS said,\n    arrayMap(x -> arrayMin(arrayMap(y -> if(y.2 > x.2 AND y.1 IN (x.1, 0), y.2, 9223372036854775807), said)), said) AS until\nFROM (\n    SELECT prefix, valid_from, rate_center, state,\n        toUnixTimestamp64Micro(if(known_from = 0, loaded_at, known_from)) AS known\n    FROM `reports`.numbering FINAL\n) GROUP BY prefix\n))\n            WHERE substring(prefix, 1, 6) IN (\n                SELECT substring(prefix, 1, 6) FROM (SELECT prefix, arrayFilter((x, u) -> u = 9223372036854775807, said, until) AS timeline FROM (\nSELECT prefix,\n    arraySort(groupArray((toUnixTimestamp64Milli(valid_from), known, rate_center, toString(state)))) AS said,\n    arrayMap(x -> arrayMin(arrayMap(y -> if(y.2 > x.2 AND y.1 IN (x.1, 0), y.2, 9223372036854775807), said)), said) AS until\nFROM (\n    SELECT prefix, valid_from, rate_center, state,\n        toUnixTimestamp64Micro(if(known_from = 0, loaded_at, known_from)) AS known\n    FROM `reports`.numbering FINAL\n) GROUP BY prefix\n)) WHERE length(timeline) > 1 OR timeline[1].1 > 0\n            )\n        ) GROUP BY block\n    )\n)\n' INVALIDATE_QUERY 'SELECT max(loaded_at) FROM `reports`.numbering'))
LIFETIME(MIN 10 MAX 20)
LAYOUT(RANGE_HASHED())
RANGE(MIN valid_from MAX valid_to);

CREATE OR REPLACE DICTIONARY numbering_history ON CLUSTER main
(
    `prefix` UInt64,
    `valid_from` Array(Int64),
    `known_from` Array(Int64),
    `known_until` Array(Int64),
    `rate_center` Array(String),
    `state` Array(String)
)
PRIMARY KEY prefix
SOURCE(CLICKHOUSE(USER 'loader' PASSWORD '[HIDDEN]' QUERY '\nSELECT toUInt64(prefix) AS prefix, said.1 AS valid_from, arrayMap(x -> intDiv(x, 1000), said.2) AS known_from, arrayMap(x -> intDiv(x, 1000), until) AS known_until, said.3 AS rate_center, said.4 AS state\nFROM (\nSELECT prefix,\n    arraySort(groupArray((toUnixTimestamp64Milli(valid_from), known, rate_center, toString(state)))) AS said,\n    arrayMap(x -> arrayMin(arrayMap(y -> if(y.2 > x.2 AND y.1 IN (x.1, 0), y.2, 9223372036854775807), said)), said) AS until\nFROM (\n    SELECT prefix, valid_from, rate_center, state,\n        toUnixTimestamp64Micro(if(known_from = 0, loaded_at, known_from)) AS known\n    FROM `reports`.numbering FINAL\n) GROUP BY prefix\n)\n' INVALIDATE_QUERY 'SELECT max(loaded_at) FROM `reports`.numbering'))
LIFETIME(MIN 10 MAX 20)
LAYOUT(HASHED());

CREATE OR REPLACE DICTIONARY did_window ON CLUSTER main
(
    `customer_id` String,
    `number` String,
    `valid_from` Int64,
    `valid_to` Int64
)
PRIMARY KEY customer_id, number
SOURCE(CLICKHOUSE(USER 'loader' PASSWORD '[HIDDEN]' QUERY '\nSELECT customer_id, number, one.1 AS valid_from, one.3 AS valid_to\nFROM (\nSELECT customer_id, number, arraySort(groupArray((start, known, end))) AS said,\n    arrayMap(x -> arrayMin(arrayMap(y -> if(y.2 > x.2 AND y.1 = x.1, y.2, 9223372036854775807), said)), said) AS until\nFROM (\n    SELECT customer_id, number, toUnixTimestamp64Milli(valid_from) AS start,\n        if(valid_to IS NULL, 9223372036854775807, toUnixTimestamp64Milli(assumeNotNull(valid_to)) - 1) AS end,\n        toUnixTimestamp64Micro(if(known_from = 0, loaded_at, known_from)) AS known\n    FROM `reports`.did FINAL\n) GROUP BY customer_id, number\n) ARRAY JOIN arrayFilter((x, u) -> u = 9223372036854775807, said, until) AS one\n' INVALIDATE_QUERY 'SELECT max(loaded_at) FROM `reports`.did'))
LIFETIME(MIN 10 MAX 20)
LAYOUT(COMPLEX_KEY_RANGE_HASHED())
RANGE(MIN valid_from MAX valid_to);

CREATE OR REPLACE DICTIONARY did_history ON CLUSTER main
(
    `customer_id` String,
    `number` String,
    `valid_from` Array(Int64),
    `known_from` Array(Int64),
    `known_until` Array(Int64),
    `valid_to` Array(Int64)
)
PRIMARY KEY customer_id, number
SOURCE(CLICKHOUSE(USER 'loader' PASSWORD '[HIDDEN]' QUERY '\nSELECT customer_id, number, said.1 AS valid_from, said.3 AS valid_to, arrayMap(x -> intDiv(x, 1000), said.2) AS known_from, arrayMap(x -> intDiv(x, 1000), until) AS known_until\nFROM (\nSELECT customer_id, number, arraySort(groupArray((start, known, end))) AS said,\n    arrayMap(x -> arrayMin(arrayMap(y -> if(y.2 > x.2 AND y.1 = x.1, y.2, 9223372036854775807), said)), said) AS until\nFROM (\n    SELECT customer_id, number, toUnixTimestamp64Milli(valid_from) AS start,\n        if(valid_to IS NULL, 9223372036854775807, toUnixTimestamp64Milli(assumeNotNull(valid_to)) - 1) AS end,\n        toUnixTimestamp64Micro(if(known_from = 0, loaded_at, known_from)) AS known\n    FROM `reports`.did FINAL\n) GROUP BY customer_id, number\n)\n' INVALIDATE_QUERY 'SELECT max(loaded_at) FROM `reports`.did'))
LIFETIME(MIN 10 MAX 20)
LAYOUT(COMPLEX_KEY_HASHED());

