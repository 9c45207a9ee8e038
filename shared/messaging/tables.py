"""The tables that every service with a database has for its messages.

Each service's first revision creates `MESSAGING_TABLES`, a later one adds `PARKED_RESOLUTION`.
"""

MESSAGING_TABLES = """
-- One row per partition number, locked first by whoever handles a batch: a partition is a single-threaded machine.
CREATE TABLE partition_lock (partition int PRIMARY KEY);

-- How far each input was handled: `last_number` drops what was seen, `last_offset` shows a skip without numbers.
CREATE TABLE progress (
    topic text NOT NULL,
    partition int NOT NULL,
    last_number bigint NOT NULL DEFAULT 0,
    last_offset bigint NOT NULL DEFAULT -1,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

-- The last number given per output; the row is held until commit, so number order is commit order and has no gaps.
CREATE TABLE outbox_counter (
    topic text NOT NULL,
    partition int NOT NULL,
    last bigint NOT NULL,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

-- What leaves, append-only, one table per day; whole days are dropped after 30 days.
CREATE TABLE outbox (
    topic text NOT NULL,
    partition int NOT NULL,
    number bigint NOT NULL,
    created_on date NOT NULL,
    message_id uuid NOT NULL,
    type text NOT NULL,
    key text NOT NULL,
    correlation uuid NOT NULL,
    cause uuid,
    created_at timestamptz NOT NULL,
    payload bytea NOT NULL,
    PRIMARY KEY (topic, partition, number, created_on)
) PARTITION BY RANGE (created_on);

-- How far each output was sent: number, where it stands in Kafka, and the epoch that ends older relays' say.
CREATE TABLE relay_cursor (
    topic text NOT NULL,
    partition int NOT NULL,
    number bigint NOT NULL DEFAULT 0,
    "offset" bigint NOT NULL DEFAULT -1,
    epoch int NOT NULL DEFAULT 0,
    sent_on date NOT NULL DEFAULT '2000-01-01',
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

-- Messages that could not be handled, as they came, encrypted; replayed by an operator.
CREATE TABLE parked (
    id uuid PRIMARY KEY,
    topic text NOT NULL,
    partition int NOT NULL,
    "offset" bigint NOT NULL,
    number bigint,
    consumer text NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    key_id text NOT NULL,
    wrapped_key bytea NOT NULL,
    original bytea NOT NULL,
    first_seen timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts int NOT NULL DEFAULT 1,
    resolved_at timestamptz
);
CREATE INDEX parked_open ON parked (topic, partition) WHERE resolved_at IS NULL;
"""

PARKED_RESOLUTION = """
-- What came of a parked message in the end, who did it and why; the reason is an operator's words and stays here.
ALTER TABLE parked
    ADD COLUMN resolution text CHECK (resolution IN ('replayed', 'discarded')),
    ADD COLUMN resolved_by text,
    ADD COLUMN resolved_why text,
    ADD CONSTRAINT parked_resolved CHECK (num_nulls(resolved_at, resolution, resolved_by, resolved_why) IN (0, 4));
"""
