-- Panes and history lie in one partition a UTC day, so that a day's end is the end of a table (docs/adr/0010). What is
-- outside of the days that have one (a log of long ago, a clock far ahead) lies in the default partition, `_rest`.

-- Days that hold something, by table. `own`: the day has a partition. `asked_at`: when a writer last said that it writes
-- to the day; retention leaves a day alone for a while after that. `emptied_at`: its rows are dropped, its partition
-- waits for a moment to go.
CREATE TABLE assay_data.history_days (
    history text NOT NULL CHECK (history IN ('panes', 'dead_letters', 'llm_calls')),
    day date NOT NULL,
    own boolean NOT NULL,
    asked_at timestamptz NOT NULL,
    emptied_at timestamptz,
    PRIMARY KEY (history, day)
);

ALTER TABLE assay_data.panes RENAME TO panes_before;
ALTER TABLE assay_data.dead_letters RENAME TO dead_letters_before;
ALTER TABLE assay_data.llm_calls RENAME TO llm_calls_before;

CREATE TABLE assay_data.panes
    (LIKE assay_data.panes_before INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (hour);
CREATE TABLE assay_data.dead_letters
    (LIKE assay_data.dead_letters_before INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (received_at);
CREATE TABLE assay_data.llm_calls
    (LIKE assay_data.llm_calls_before INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (started_at);
CREATE TABLE assay_data.panes_rest PARTITION OF assay_data.panes DEFAULT;
CREATE TABLE assay_data.dead_letters_rest PARTITION OF assay_data.dead_letters DEFAULT;
CREATE TABLE assay_data.llm_calls_rest PARTITION OF assay_data.llm_calls DEFAULT;

-- What is stored moves into days of its own; older than three years is the rest's, which retention cleans in time.
DO $$
DECLARE
    moved record;
    found record;
BEGIN
    FOR moved IN SELECT * FROM (VALUES ('panes', 'hour'), ('dead_letters', 'received_at'), ('llm_calls', 'started_at'))
        AS t (history, clock)
    LOOP
        FOR found IN EXECUTE format(
            'SELECT DISTINCT (%I AT TIME ZONE ''UTC'')::date AS day FROM assay_data.%I', moved.clock,
            moved.history || '_before')
        LOOP
            IF found.day BETWEEN current_date - 1000 AND current_date + 3 THEN
                EXECUTE format('CREATE TABLE assay_data.%I PARTITION OF assay_data.%I FOR VALUES FROM (%L) TO (%L)',
                    moved.history || to_char(found.day, '_YYYYMMDD'), moved.history,
                    found.day || ' 00:00:00+00', found.day + 1 || ' 00:00:00+00');
            END IF;
            INSERT INTO assay_data.history_days (history, day, own, asked_at)
            VALUES (moved.history, found.day, found.day BETWEEN current_date - 1000 AND current_date + 3, now());
        END LOOP;
        EXECUTE format('INSERT INTO assay_data.%I SELECT * FROM assay_data.%I', moved.history,
            moved.history || '_before');
    END LOOP;
END $$;

-- Replaced and not made anew: whoever was granted a view keeps it.
CREATE OR REPLACE VIEW assay.query_panes AS
SELECT run, application, market, query, hour, searches, sessions, engaged, reformulated, exits, zero_results
FROM assay_data.panes;
CREATE OR REPLACE VIEW assay.dead_letters AS
SELECT run, topic, partition, "offset", reason, detail, payload, received_at
FROM assay_data.dead_letters;
CREATE OR REPLACE VIEW assay.llm_calls AS
SELECT call_id, lane, model, status, http_status, started_at, latency_ms, input_tokens, cached_tokens,
    output_tokens, cost_usd
FROM assay_data.llm_calls;

DROP TABLE assay_data.panes_before;
DROP TABLE assay_data.dead_letters_before;
DROP TABLE assay_data.llm_calls_before;

-- A day is found by its partition, so no index has to lead to it; this one finds an application's newest pane.
ALTER TABLE assay_data.panes ADD PRIMARY KEY (run, application, market, query, hour);
CREATE INDEX panes_newest ON assay_data.panes (run, application, hour);
CREATE INDEX panes_rest_by_hour ON assay_data.panes_rest (hour);

-- PostgreSQL wants the time in the key. That a record is a dead letter once is held by who writes it: under the lock
-- of the partition's row, and only what is not there yet (core/adapters/stream_store.py).
ALTER TABLE assay_data.dead_letters ADD PRIMARY KEY (topic, partition, "offset", received_at);
CREATE INDEX dead_letters_by_time ON assay_data.dead_letters (received_at);

ALTER TABLE assay_data.llm_calls ADD PRIMARY KEY (call_id, started_at);
CREATE INDEX llm_calls_by_time ON assay_data.llm_calls (started_at);
CREATE INDEX llm_calls_running ON assay_data.llm_calls (expires_at) WHERE status = 'running';
