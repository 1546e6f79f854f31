-- Students: small models that score every new picture at once (docs/student.md), what people did with them, and how they
-- agree with the judge on the pictures that it labelled after them.
CREATE TABLE assay_data.students (
    version text PRIMARY KEY, -- name@hash of the body
    name text NOT NULL,
    extractor text NOT NULL, -- whose features it takes
    metadata jsonb NOT NULL, -- what it was trained on and how it did on held-back listings
    body bytea NOT NULL, -- msgpack of numbers; nothing in it is ever run
    trained_at timestamptz NOT NULL,
    trained_by text NOT NULL
);
CREATE INDEX students_by_name ON assay_data.students (name, trained_at DESC);

-- Deeds are only ever added: the newest names the live student; an empty version: none is live.
CREATE TABLE assay_data.student_deeds (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    act text NOT NULL CHECK (act IN ('promote', 'rollback')),
    version text NOT NULL CHECK (version <> '' OR act = 'rollback'),
    by text NOT NULL CHECK (by <> ''),
    why text NOT NULL CHECK (why <> ''),
    at timestamptz NOT NULL
);

CREATE VIEW assay.image_students AS
SELECT s.version, s.name, s.extractor, s.metadata ->> 'judge' AS judge, s.trained_at, s.trained_by,
    (s.metadata ->> 'pictures')::integer AS pictures, (s.metadata ->> 'held_back')::integer AS held_back,
    (s.metadata #>> '{figures,rank_correlation,value}')::float8 AS rank_correlation,
    (s.metadata #>> '{figures,rank_correlation,low}')::float8 AS rank_low,
    (s.metadata #>> '{figures,rank_correlation,high}')::float8 AS rank_high,
    (s.metadata #>> '{figures,quadratic_kappa,value}')::float8 AS quadratic_kappa,
    (s.metadata #>> '{figures,mean_bias,value}')::float8 AS mean_bias,
    (s.metadata #>> '{figures,within_one,value}')::float8 AS within_one, (s.metadata ->> 'coverage')::float8 AS coverage,
    (s.metadata ->> 'unsure_above')::float8 AS unsure_above, octet_length(s.body) AS bytes,
    coalesce(s.version = (SELECT d.version FROM assay_data.student_deeds AS d ORDER BY d.id DESC LIMIT 1), false)
        AS live, s.metadata
FROM assay_data.students AS s;
COMMENT ON VIEW assay.image_students IS
'Every version of the small model that scores pictures at once: the judge whose labels it was trained on, and how it did on held-back sellers'' pictures. coverage: share of them whose label lies within its spread. live: it scores now.';

CREATE VIEW assay.student_deeds AS
SELECT id, act, version, by, why, at FROM assay_data.student_deeds;
COMMENT ON VIEW assay.student_deeds IS
'Who promoted or rolled back which student, when and why. The newest names the live one; an empty version: none is live.';

-- The label of a picture (not one taken over from a look-alike) beside what the student had said of the same bytes
-- before. The order of writing tells before from after; why is that of the newest task that asked for the label.
CREATE VIEW assay.student_labels AS
SELECT (l.judged_at AT TIME ZONE 'UTC')::date AS day, l.judged_at, coalesce(i.market, '') AS market,
    coalesce(i.category, '') AS category, s.prompt_version AS version, l.judge, coalesce(t.why, '') AS why,
    l.listing_id, l.image_url, l.image_hash, s.score AS student_score, s.spread, l.score, s.event_id AS student_event_id,
    l.event_id
FROM assay_data.image_scores AS l
CROSS JOIN LATERAL (
    SELECT e.prompt_version, e.score, e.spread, e.event_id FROM assay_data.image_scores AS e
    WHERE e.listing_id = l.listing_id AND e.image_url = l.image_url AND e.image_hash = l.image_hash
        AND e.tier = 'student' AND e.id < l.id
    ORDER BY e.id DESC LIMIT 1
) AS s
LEFT JOIN assay_data.listings AS i ON i.listing_id = l.listing_id
LEFT JOIN LATERAL (
    SELECT k.payload ->> 'why' AS why FROM assay_data.tasks AS k
    WHERE k.kind = 'image_label' AND k.subject ->> 'listing_id' = l.listing_id
        AND k.subject ->> 'image_url' = l.image_url
    ORDER BY k.created_at DESC LIMIT 1
) AS t ON true
WHERE l.tier = 'llm' AND l.alike_of = '';
COMMENT ON VIEW assay.student_labels IS
'Every label of a picture that a student had scored before, beside that score. why: random (chosen by chance: what holds of these holds of all), unsure (the student was least sure of it), empty where nobody chose it.';

CREATE VIEW assay.student_agreement AS
WITH each AS (
    SELECT day, market, category, version, x.why, student_score AS s, score AS l
    FROM assay.student_labels AS p CROSS JOIN LATERAL (VALUES (p.why), ('all')) AS x (why)
    WHERE x.why <> ''
), ranked AS (
    SELECT day, market, category, version, why, s, l,
        rank() OVER (PARTITION BY day, market, category, version, why ORDER BY s)
            + (count(*) OVER (PARTITION BY day, market, category, version, why, s) - 1) / 2.0 AS rs,
        rank() OVER (PARTITION BY day, market, category, version, why ORDER BY l)
            + (count(*) OVER (PARTITION BY day, market, category, version, why, l) - 1) / 2.0 AS rl
    FROM each
)
SELECT day, market, category, version, why, count(*)::integer AS pictures,
    corr(rs::float8, rl::float8) AS rank_correlation, avg(s - l)::float8 AS mean_bias,
    (1 - avg((s - l) * (s - l)) / nullif(var_pop(s) + var_pop(l) + (avg(s) - avg(l)) ^ 2, 0))::float8
        AS quadratic_kappa,
    avg((abs(s - l) <= 1)::integer)::float8 AS within_one
FROM ranked GROUP BY day, market, category, version, why;
COMMENT ON VIEW assay.student_agreement IS
'How student and judge agree on pictures labelled after the student''s score, by day of the label. why: random is the unbiased figure, unsure that of the hardest pictures, all every label. mean_bias: student minus judge, points. rank_correlation and quadratic_kappa NULL: not defined, such as of one picture.';
