-- Replays: which part of the live topics was copied under which run, so that a name is used once.

CREATE TABLE assay_data.replays (
    run text PRIMARY KEY,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    records bigint NOT NULL DEFAULT 0,
    begun_at timestamptz NOT NULL,
    finished_at timestamptz,
    promoted_at timestamptz
);
