-- From a label to its calls and back: what the pages of calls and labels look up.
CREATE INDEX llm_calls_by_query ON assay_data.llm_calls ((subject ->> 'query'), started_at);
CREATE INDEX llm_calls_by_judge ON assay_data.llm_calls ((subject ->> 'judge'), started_at);
CREATE INDEX llm_calls_by_run ON assay_data.llm_calls ((subject ->> 'eval_run'), started_at)
WHERE subject ->> 'eval_run' IS NOT NULL;
CREATE INDEX labels_by_listing ON assay_data.labels (listing_id);
CREATE INDEX tasks_by_listing ON assay_data.tasks ((subject ->> 'listing_id'));
CREATE INDEX eval_items_by_listing ON assay_data.eval_items (listing_id);
CREATE INDEX eval_results_by_item ON assay_data.eval_results (item_id);
CREATE INDEX eval_results_by_call ON assay_data.eval_results (call_id);
CREATE INDEX eval_results_reused ON assay_data.eval_results (content_key) WHERE reused;
CREATE INDEX shadow_labels_by_call ON assay_data.shadow_labels (call_id);
CREATE INDEX shadow_scores_by_call ON assay_data.shadow_scores (call_id);
CREATE INDEX anchor_outcomes_by_call ON assay_data.anchor_outcomes (call_id);
