-- The replicas that run, as each says of itself every few seconds: `name` is its host and pid, by which
-- `stream_partitions.owner` names it too. Times are the database's own, since hosts' clocks differ.

CREATE TABLE assay_data.replicas (
    name text PRIMARY KEY,
    processes text[] NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL
);

-- `requeued_at` is set before a dead letter's record is sent again, this one when Kafka has confirmed it: a letter
-- with the first alone is in doubt, since whoever sent it ended in between.
ALTER TABLE assay_data.dead_letters ADD COLUMN requeue_confirmed_at timestamptz;
