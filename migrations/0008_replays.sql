-- Replays that go on where they were cut off. `epoch` counts who copied: a copier that was taken over can't write
-- here any more. `marks` are offsets on the replay topics before which every copy of the run is accounted for, and
-- `doubt_marks` those of the first time it was taken over: from there on it is looked over for doubles.
-- `covers_from` to `covers_to` are the hours that `promote` replaces (null: those it has panes in); `kept_from` is
-- the first hour of which retention had taken nothing. `ends` are the offsets of the run's end records.
-- A row without `asked` was written before this: it can't go on, and where it ended is not known.

ALTER TABLE assay_data.replays
    ALTER COLUMN from_at DROP NOT NULL,
    ALTER COLUMN to_at DROP NOT NULL,
    ADD COLUMN asked jsonb,
    ADD COLUMN epoch bigint NOT NULL DEFAULT 0,
    ADD COLUMN marks jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN doubt_marks jsonb,
    ADD COLUMN ends jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN missing bigint NOT NULL DEFAULT 0,
    ADD COLUMN left_before boolean NOT NULL DEFAULT false,
    ADD COLUMN left_after boolean NOT NULL DEFAULT false,
    ADD COLUMN kept_from timestamptz,
    ADD COLUMN covers_from timestamptz,
    ADD COLUMN covers_to timestamptz,
    ADD COLUMN updated_at timestamptz,
    ADD COLUMN dropped_at timestamptz;

-- What a run copies, fixed when it begins: a partition of a live topic, or a file (partition 0, offsets are lines).
-- `next` is the first record that is not accounted for; `digest` the SHA-256 of a file's lines before it.
CREATE TABLE assay_data.replay_sources (
    run text NOT NULL REFERENCES assay_data.replays ON DELETE CASCADE,
    source text NOT NULL,
    target text NOT NULL,
    partition integer NOT NULL,
    topic_id text NOT NULL DEFAULT '',
    next bigint NOT NULL,
    end_offset bigint,
    digest text NOT NULL DEFAULT '',
    PRIMARY KEY (run, source, partition)
);
