-- The part of an endpoint's limits that each replica holds, as a lease: a dead replica's part is free when it ends.
-- The arithmetic is core/domain/shares.py, run while the endpoint's advisory lock is held. Times are seconds since
-- 1970 on the database's clock, which all replicas share.

CREATE TABLE assay_data.llm_shares (
    endpoint text NOT NULL,
    replica uuid NOT NULL,
    live double precision NOT NULL,
    panel double precision NOT NULL,
    backfill double precision NOT NULL,
    part double precision NOT NULL CHECK (part BETWEEN 0 AND 1),
    in_flight integer NOT NULL,
    expires_at double precision NOT NULL,
    PRIMARY KEY (endpoint, replica)
) WITH (fillfactor = 50);

COMMENT ON TABLE assay_data.llm_shares IS
    'live, panel, backfill: what the replica could use of the limits in that lane, 1 being all of them';
