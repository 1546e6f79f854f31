-- Tiers: what a second model said of judgements, and reports on what each tier made of the one before it.

-- Found again by content: the judgement, its label and reason, and all that makes the critic.
CREATE TABLE assay_data.critiques (
    critique_key text PRIMARY KEY,
    grade smallint NOT NULL,
    reason_holds boolean NOT NULL,
    why text NOT NULL,
    model text NOT NULL,
    prompt_version text NOT NULL,
    call_id uuid NOT NULL,
    made_at timestamptz NOT NULL
);

CREATE TABLE assay_data.tier_reports (
    report_id uuid PRIMARY KEY,
    subject text NOT NULL, -- run:<id>, or live:<kind>:<from>:<to>
    told text NOT NULL, -- the run's name or the period, for people
    kind text NOT NULL CHECK (kind IN ('relevance', 'image')),
    judge text NOT NULL,
    items integer NOT NULL,
    tiers jsonb NOT NULL,
    checks jsonb NOT NULL,
    habits jsonb NOT NULL,
    critic text NOT NULL, -- empty: none was asked
    critic_prompt text NOT NULL,
    share double precision NOT NULL,
    cost_usd double precision NOT NULL,
    complete boolean NOT NULL,
    made_at timestamptz NOT NULL,
    unchecked integer NOT NULL
);
CREATE INDEX tier_reports_of ON assay_data.tier_reports (subject, judge, made_at DESC);
CREATE INDEX tier_reports_newest ON assay_data.tier_reports (made_at DESC);

CREATE TABLE assay_data.tier_flagged (
    report_id uuid NOT NULL REFERENCES assay_data.tier_reports ON DELETE CASCADE,
    place integer NOT NULL, -- from 0, those first to which most tiers object
    key text NOT NULL, -- the judgement's content key, where it has one
    item_id text NOT NULL, -- of a run the dataset's, of live ones the event's
    query text NOT NULL,
    listing_id text NOT NULL,
    title text NOT NULL,
    grade smallint NOT NULL,
    reasoning text NOT NULL,
    findings jsonb NOT NULL,
    better smallint,
    why text NOT NULL,
    people smallint,
    PRIMARY KEY (report_id, place)
);

CREATE VIEW assay.tier_overturns AS
SELECT r.report_id, r.subject, r.told AS name, r.kind, r.judge, r.made_at, t.row ->> 'tier' AS tier,
    (t.row ->> 'seen')::integer AS seen, (t.row ->> 'objected')::integer AS objected, o.row ->> 'by' AS by,
    (o.row #>> '{missed,n}')::integer AS passed_seen, (o.row #>> '{missed,value}')::float8 AS missed,
    (o.row #>> '{missed,low}')::float8 AS missed_low, (o.row #>> '{missed,high}')::float8 AS missed_high,
    (o.row #>> '{false_alarms,n}')::integer AS objected_seen,
    (o.row #>> '{false_alarms,value}')::float8 AS false_alarms,
    (o.row #>> '{false_alarms,low}')::float8 AS false_alarms_low,
    (o.row #>> '{false_alarms,high}')::float8 AS false_alarms_high
FROM assay_data.tier_reports AS r,
    LATERAL jsonb_array_elements(r.tiers) AS t (row),
    LATERAL jsonb_array_elements(t.row -> 'overturned') AS o (row);
COMMENT ON VIEW assay.tier_overturns IS
'What a later tier (by) made of an earlier one (tier). missed: of what passed and the later tier saw, the share it changes; false_alarms: of what was objected to, the share it lets stand; each with its 95 % interval over queries, NULL where it saw none.';

CREATE VIEW assay.tier_checks AS
SELECT r.report_id, r.subject, r.told AS name, r.kind, r.judge, r.made_at, r.items, c.row ->> 'check' AS check_name,
    (c.row ->> 'flagged')::integer AS flagged, (c.row #>> '{by_critique,value}')::float8 AS upheld_by_critique,
    (c.row #>> '{by_people,value}')::float8 AS upheld_by_people
FROM assay_data.tier_reports AS r, LATERAL jsonb_array_elements(r.checks) AS c (row);
COMMENT ON VIEW assay.tier_checks IS
'How many judgements each check of a report objects to, and of these the share that the critique, or people, let stand: the check''s false alarms. NULL where nobody looked.';

CREATE VIEW assay.tier_findings AS
SELECT f.report_id, r.subject, r.judge, f.item_id, f.query, f.listing_id, f.title, f.grade, f.reasoning,
    n.row ->> 'check' AS check_name, n.row ->> 'why' AS finding, f.better, f.why AS critique, f.people
FROM assay_data.tier_flagged AS f
JOIN assay_data.tier_reports AS r ON r.report_id = f.report_id
LEFT JOIN LATERAL jsonb_array_elements(f.findings) AS n (row) ON true;
COMMENT ON VIEW assay.tier_findings IS
'Judgements that a tier objects to, a row a finding of the checks (one with NULL where only a later tier objects). better: the critique''s grade where it is another; people: theirs.';
