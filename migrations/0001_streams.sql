-- Streams: what has been read, the panes it gave, and what could not be read.
-- Views others rely on are in `assay`; the tables behind them are in `assay_data` and free to change.

CREATE SCHEMA assay;
CREATE SCHEMA assay_data;

-- One row a partition ever owned. `applied` is the last offset whose effect is in the tables below; it moves
-- only in the transaction that writes that effect, and only under the owner's `epoch`. `turn` counts those
-- transactions, so that one repeated after a cut connection is known to have been written.
CREATE TABLE assay_data.stream_partitions (
    topic text NOT NULL,
    partition integer NOT NULL,
    epoch bigint NOT NULL DEFAULT 0,
    owner text NOT NULL DEFAULT '',
    applied bigint NOT NULL DEFAULT -1,
    turn bigint NOT NULL DEFAULT 0,
    end_offset bigint NOT NULL DEFAULT 0,
    open_sessions bigint NOT NULL DEFAULT 0,
    watermark timestamptz,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (topic, partition)
);

-- Open sessions and watermarks of a partition as they were after `at_offset` (msgpack, zlib).
CREATE TABLE assay_data.session_snapshots (
    topic text NOT NULL,
    partition integer NOT NULL,
    at_offset bigint NOT NULL,
    state bytea NOT NULL,
    taken_at timestamptz NOT NULL,
    PRIMARY KEY (topic, partition)
);
ALTER TABLE assay_data.session_snapshots ALTER COLUMN state SET STORAGE EXTERNAL;

CREATE TABLE assay_data.panes (
    run text NOT NULL,
    application text NOT NULL,
    market text NOT NULL,
    query text NOT NULL,
    hour timestamptz NOT NULL,
    searches bigint NOT NULL,
    sessions bigint NOT NULL,
    engaged bigint NOT NULL,
    reformulated bigint NOT NULL,
    exits bigint NOT NULL,
    zero_results bigint NOT NULL,
    PRIMARY KEY (run, application, market, query, hour)
);
CREATE INDEX panes_by_hour ON assay_data.panes (run, hour);

-- The newest result list of a query by engine: what its shoppers were shown.
CREATE TABLE assay_data.result_lists (
    run text NOT NULL,
    application text NOT NULL,
    market text NOT NULL,
    query text NOT NULL,
    engine text NOT NULL,
    language text NOT NULL,
    hits text[] NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (run, application, market, query, engine)
);

CREATE TABLE assay_data.listings (
    listing_id text PRIMARY KEY,
    market text NOT NULL,
    language text,
    title text NOT NULL,
    description text,
    brand text,
    category text,
    price_amount double precision,
    price_currency text,
    attributes jsonb NOT NULL,
    image_urls text[] NOT NULL,
    content_hash text NOT NULL,
    deleted boolean NOT NULL,
    run text NOT NULL,
    told_at timestamptz NOT NULL
);
CREATE INDEX listings_by_told_at ON assay_data.listings (told_at);

CREATE TABLE assay_data.dead_letters (
    run text,
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    payload bytea,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (topic, partition, "offset")
);
CREATE INDEX dead_letters_by_time ON assay_data.dead_letters (received_at);

-- Events that a transaction of ours promises to the world; the relay deletes what it has published.
CREATE TABLE assay_data.outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL,
    topic text NOT NULL,
    key text NOT NULL,
    type text NOT NULL,
    time timestamptz NOT NULL,
    body bytea NOT NULL
);

CREATE VIEW assay.query_panes AS
SELECT run, application, market, query, hour, searches, sessions, engaged, reformulated, exits, zero_results
FROM assay_data.panes;

CREATE VIEW assay.dead_letters AS
SELECT run, topic, partition, "offset", reason, detail, payload, received_at
FROM assay_data.dead_letters;
