-- What has met a task: how often each kind of failure, and which of its leases is the one that counts.
-- A constant default is kept in the catalogue: no row is written.

ALTER TABLE assay_data.tasks ADD COLUMN failures jsonb NOT NULL DEFAULT '{}';
ALTER TABLE assay_data.tasks ADD COLUMN lease_no integer NOT NULL DEFAULT 0;

CREATE VIEW assay.judge_task_reasons AS
SELECT kind, lane, state, reason, count(*) AS tasks, min(created_at) AS oldest,
    min(not_before) FILTER (WHERE state = 'waiting') AS next_try, max(finished_at) AS newest_end
FROM assay_data.tasks
WHERE state = 'failed' OR (state = 'waiting' AND reason <> '')
GROUP BY kind, lane, state, reason;
