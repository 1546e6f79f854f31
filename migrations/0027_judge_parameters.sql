-- Parameters of a judge's calls: temperature, reasoning_effort, reasoning_tokens; those that it sets.
ALTER TABLE assay_data.judges ADD COLUMN sampling jsonb NOT NULL DEFAULT '{}';
