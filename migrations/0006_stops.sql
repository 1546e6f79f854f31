-- A partition that has to be looked at by a person is stopped: its records wait in Kafka until it is released.
-- `topic_id` is Kafka's own id of the topic its offsets belong to: a topic of the same name made again has another.
-- `pass_until`: up to this offset the dead-letter limit is not applied, since a person has said so.
-- `missing` counts records that retention took from the topic before they were read.

ALTER TABLE assay_data.stream_partitions
    ADD COLUMN topic_id text,
    ADD COLUMN stopped text CHECK (stopped IN ('flood', 'topic_made_again')),
    ADD COLUMN stopped_detail text NOT NULL DEFAULT '',
    ADD COLUMN stopped_at timestamptz,
    ADD COLUMN pass_until bigint NOT NULL DEFAULT -1,
    ADD COLUMN missing bigint NOT NULL DEFAULT 0;

-- When a person has sent a dead letter's record again.
ALTER TABLE assay_data.dead_letters ADD COLUMN requeued_at timestamptz;
