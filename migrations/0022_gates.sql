-- Gates: a judge held against rules, once a row (docs/gate.md). Nothing updates a row of it.
CREATE TABLE assay_data.gates (
    gate_id uuid PRIMARY KEY,
    judge text NOT NULL,
    against text NOT NULL,
    rules_name text NOT NULL,
    rules text NOT NULL,
    dataset_name text NOT NULL,
    dataset_version text NOT NULL,
    split text NOT NULL CHECK (split IN ('test', 'tune', 'both')),
    run_id uuid NOT NULL,
    run_name text NOT NULL,
    passed boolean NOT NULL,
    outcomes jsonb NOT NULL,
    checked_at timestamptz NOT NULL,
    checked_by text NOT NULL
);
CREATE INDEX gates_by_judge ON assay_data.gates (judge, dataset_name, checked_at DESC);
CREATE INDEX gates_by_time ON assay_data.gates (checked_at DESC);

CREATE VIEW assay.gates AS
SELECT gate_id, judge, against, rules_name, dataset_name AS dataset, dataset_version AS version, split, run_id, run_name,
    passed, checked_at, checked_by
FROM assay_data.gates;
COMMENT ON VIEW assay.gates IS
'Every time a judge was held against a gate''s rules: on which version of which dataset, beside which other judge (empty: none), and whether it passed.';

CREATE VIEW assay.gate_rules AS
SELECT g.gate_id, g.judge, g.rules_name, g.checked_at, o.place, o.outcome ->> 'rule' AS rule,
    o.outcome ->> 'segment' AS segment, (o.outcome ->> 'figure')::float8 AS figure,
    (o.outcome ->> 'low')::float8 AS low, (o.outcome ->> 'high')::float8 AS high,
    (o.outcome ->> 'limit')::float8 AS bound, o.outcome ->> 'read' AS read, (o.outcome ->> 'n_items')::integer AS items,
    (o.outcome ->> 'passed')::boolean AS passed, o.outcome ->> 'why' AS why
FROM assay_data.gates AS g,
    LATERAL jsonb_array_elements(g.outcomes) WITH ORDINALITY AS o (outcome, place);
COMMENT ON VIEW assay.gate_rules IS
'The rules of each gate with their figures. segment: empty for all items. passed NULL: left out, and why says for what reason. A figure that is not defined is NULL and breaks its rule.';
