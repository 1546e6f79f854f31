-- A task's id is made of its key (uuid5), so the primary key keeps keys unique. A second unique index beside it makes
-- two adders of the same keys fail: ON CONFLICT waits at one index and the other then raises.

ALTER TABLE assay_data.tasks DROP CONSTRAINT tasks_task_key_key;
CREATE INDEX tasks_by_key ON assay_data.tasks (task_key);
