-- What all migrations make, for reading; the database is made by the migrations. Written by `make schema`.

CREATE SCHEMA assay;

CREATE SCHEMA assay_data;

CREATE FUNCTION assay_data.audit_stays() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'assay_data.audit is only added to: % refused', TG_OP;
END
$$;

CREATE FUNCTION assay_data.phash_bands(phash bigint) RETURNS integer[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN ARRAY[(((phash >> 48) & (65535)::bigint))::integer, ((((phash >> 32) & (65535)::bigint))::integer + 65536), ((((phash >> 16) & (65535)::bigint))::integer + 131072), (((phash & (65535)::bigint))::integer + 196608)];

CREATE FUNCTION assay_data.phash_distance(one bigint, other bigint) RETURNS integer
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (bit_count(((one # other))::bit(64)))::integer;

CREATE TABLE assay_data.audit (
    number bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    who text NOT NULL,
    role text NOT NULL,
    act text NOT NULL,
    subject text NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT audit_act_check CHECK ((act <> ''::text)),
    CONSTRAINT audit_role_check CHECK ((role = ANY (ARRAY['read'::text, 'review'::text, 'operate'::text]))),
    CONSTRAINT audit_who_check CHECK ((who <> ''::text))
);

CREATE VIEW assay.audit AS
 SELECT number,
    at,
    who,
    role,
    act,
    subject,
    detail
   FROM assay_data.audit;

COMMENT ON VIEW assay.audit IS 'What people did in the console, newest with the largest number: who (as they signed in), with which role, when, what (act), to what (subject), and what is worth keeping beside it (detail). Rows are never changed or deleted.';

CREATE TABLE assay_data.buyer_agreement (
    day date NOT NULL,
    days smallint NOT NULL,
    application text NOT NULL,
    market text NOT NULL,
    category text NOT NULL,
    tier text NOT NULL,
    measure text NOT NULL,
    action text NOT NULL,
    listings integer NOT NULL,
    impressions bigint NOT NULL,
    correlation double precision,
    low double precision,
    high double precision,
    kendall double precision,
    lift_per_point double precision,
    lift_low double precision,
    lift_high double precision,
    method text NOT NULL,
    note text NOT NULL,
    CONSTRAINT buyer_agreement_action_check CHECK ((action = ANY (ARRAY['click'::text, 'add_to_cart'::text, 'purchase'::text]))),
    CONSTRAINT buyer_agreement_measure_check CHECK ((measure = ANY (ARRAY['main'::text, 'listing'::text]))),
    CONSTRAINT buyer_agreement_tier_check CHECK ((tier = ANY (ARRAY['llm'::text, 'student'::text])))
);

CREATE VIEW assay.buyer_agreement AS
 SELECT application,
    market,
    day,
    tier,
    action,
    listings,
    impressions,
    correlation,
    low,
    high,
    lift_per_point,
    lift_low,
    lift_high,
    method,
    note
   FROM assay_data.buyer_agreement
  WHERE ((days = 1) AND (measure = 'main'::text) AND (category = ''::text));

COMMENT ON VIEW assay.buyer_agreement IS 'How far the main picture''s score agrees with what buyers did, a day: rank correlation inside category and price band with its 95 % interval by listing, and how much more they did per point of score (0.08: 8 % more). null where there was too little.';

CREATE VIEW assay.buyer_agreement_windows AS
 SELECT application,
    market,
    day,
    days,
    category,
    tier,
    measure,
    action,
    listings,
    impressions,
    correlation,
    low,
    high,
    kendall,
    lift_per_point,
    lift_low,
    lift_high,
    method,
    note
   FROM assay_data.buyer_agreement;

COMMENT ON VIEW assay.buyer_agreement_windows IS 'As buyer_agreement, also over the 7 days that end with the day (days), of one category (empty: of all), and of the listing''s score (measure listing) beside its main picture''s (main).';

CREATE TABLE assay_data.buyer_days (
    day date NOT NULL,
    read_at timestamp with time zone NOT NULL,
    is_whole boolean NOT NULL,
    searches bigint NOT NULL,
    impressions bigint NOT NULL,
    automated bigint NOT NULL,
    unmatched bigint NOT NULL,
    note text NOT NULL
);

CREATE VIEW assay.buyer_days AS
 SELECT day,
    read_at,
    is_whole,
    searches,
    impressions,
    automated,
    unmatched,
    note
   FROM assay_data.buyer_days;

COMMENT ON VIEW assay.buyer_days IS 'Days of the search log that were read for what buyers did. is_whole: the day was over when it was read; note: which bound cut what; unmatched: actions on a listing that their search had not shown.';

CREATE TABLE assay_data.buyer_propensities (
    day date NOT NULL,
    application text NOT NULL,
    market text NOT NULL,
    "position" smallint NOT NULL,
    propensity double precision NOT NULL,
    clicks bigint NOT NULL,
    method text NOT NULL,
    CONSTRAINT buyer_propensities_propensity_check CHECK ((propensity > (0)::double precision))
);

CREATE VIEW assay.buyer_propensities AS
 SELECT application,
    market,
    day,
    "position",
    propensity,
    clicks,
    method
   FROM assay_data.buyer_propensities;

COMMENT ON VIEW assay.buyer_propensities IS 'How much a place in the list is looked at, beside the first, as estimated on a day from the weeks before. clicks: those the estimate of this place stands on.';

CREATE TABLE assay_data.buyer_exposures (
    day date NOT NULL,
    application text NOT NULL,
    market text NOT NULL,
    listing_id text NOT NULL,
    "position" smallint NOT NULL,
    impressions integer NOT NULL,
    clicks integer NOT NULL,
    carts integer NOT NULL,
    purchases integer NOT NULL,
    CONSTRAINT buyer_exposures_position_check CHECK (("position" >= 1))
);

CREATE VIEW assay.buyer_rates AS
 SELECT e.application,
    e.market,
    e.listing_id,
    e.day,
    sum(e.impressions) AS impressions,
    sum(((e.impressions)::double precision * p.propensity)) AS examined,
    sum(e.clicks) AS clicks,
    sum(e.carts) AS carts,
    sum(e.purchases) AS purchases,
    ((sum(e.clicks))::double precision / sum(((e.impressions)::double precision * p.propensity))) AS rate
   FROM (assay_data.buyer_exposures e
     JOIN assay_data.buyer_propensities p USING (day, application, market, "position"))
  GROUP BY e.application, e.market, e.listing_id, e.day;

COMMENT ON VIEW assay.buyer_rates IS 'What buyers did with a listing on a day, corrected for the places it was shown in. examined: impressions, each counted by how much its place is looked at (place 1 counts 1); rate: clicks by examined.';

CREATE TABLE assay_data.canary_outcomes (
    run_id bigint NOT NULL,
    case_id text NOT NULL,
    kind text NOT NULL,
    honest smallint,
    attacked smallint,
    honest_reasoning text NOT NULL,
    attacked_reasoning text NOT NULL,
    honest_call uuid,
    attacked_call uuid,
    others_lowered integer NOT NULL,
    failure text NOT NULL,
    judged_at timestamp with time zone NOT NULL
);

CREATE TABLE assay_data.canary_runs (
    id bigint NOT NULL,
    prompt_version text NOT NULL,
    model text NOT NULL,
    mode text NOT NULL,
    set_version text NOT NULL,
    cases integer NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone
);

CREATE VIEW assay.canary_lifts AS
 SELECT r.prompt_version,
    r.model,
    r.mode,
    r.set_version,
    COALESCE(o.kind, 'all'::text) AS kind,
    count((o.attacked - o.honest)) AS judged,
    count(*) FILTER (WHERE (((o.attacked - o.honest) > 0) OR (((o.attacked - o.honest) <= 0) AND (o.others_lowered > 0)))) AS succeeded,
    count(*) FILTER (WHERE ((o.attacked - o.honest) IS NULL)) AS failed,
    (COALESCE(avg((o.attacked - o.honest)), (0)::numeric))::double precision AS mean_lift,
    r.cases,
    r.started_at,
    r.finished_at
   FROM (assay_data.canary_runs r
     JOIN assay_data.canary_outcomes o ON ((o.run_id = r.id)))
  GROUP BY GROUPING SETS ((r.id, r.prompt_version, r.model, r.mode, r.set_version, r.cases, r.started_at, r.finished_at, o.kind), (r.id, r.prompt_version, r.model, r.mode, r.set_version, r.cases, r.started_at, r.finished_at));

CREATE TABLE assay_data.llm_calls (
    call_id uuid NOT NULL,
    lane text NOT NULL,
    model text NOT NULL,
    status text NOT NULL,
    http_status integer,
    started_at timestamp with time zone NOT NULL,
    latency_ms integer,
    input_tokens integer,
    cached_tokens integer,
    output_tokens integer,
    cost_usd numeric(20,12) NOT NULL,
    purpose text NOT NULL,
    subject jsonb NOT NULL,
    prompt_version text NOT NULL,
    prompt_hash text NOT NULL,
    request jsonb,
    reply text DEFAULT ''::text NOT NULL,
    answered_by text DEFAULT ''::text NOT NULL,
    fingerprint text DEFAULT ''::text NOT NULL,
    error text DEFAULT ''::text NOT NULL,
    budget_day date NOT NULL,
    reserved_tokens bigint NOT NULL,
    reserved_usd numeric(20,12) NOT NULL,
    endpoint text DEFAULT ''::text NOT NULL,
    tasks uuid[] DEFAULT '{}'::uuid[] NOT NULL,
    price_version text DEFAULT ''::text NOT NULL,
    batch boolean DEFAULT false NOT NULL,
    CONSTRAINT llm_calls_lane_check CHECK ((lane = ANY (ARRAY['live'::text, 'panel'::text, 'backfill'::text])))
)
PARTITION BY RANGE (started_at);

CREATE VIEW assay.cascade_days AS
 WITH calls AS (
         SELECT llm_calls.budget_day AS day,
            (llm_calls.subject ->> 'application'::text) AS application,
            (llm_calls.subject ->> 'market'::text) AS market,
            (llm_calls.subject ->> 'cascade'::text) AS step,
            (llm_calls.status = 'ok'::text) AS answered,
            cardinality(llm_calls.tasks) AS pairs,
            COALESCE(llm_calls.cost_usd, (0)::numeric) AS usd,
            (COALESCE(llm_calls.input_tokens, 0) + COALESCE(llm_calls.output_tokens, 0)) AS tokens,
            COALESCE(((llm_calls.subject ->> 'low_confidence'::text))::integer, 0) AS low_confidence,
            COALESCE(((llm_calls.subject ->> 'must_have_undecided'::text))::integer, 0) AS must_have_undecided,
            COALESCE(((llm_calls.subject ->> 'disagreement'::text))::integer, 0) AS disagreement,
            COALESCE(((llm_calls.subject ->> 'no_second_opinion'::text))::integer, 0) AS no_second_opinion
           FROM assay_data.llm_calls
          WHERE ((llm_calls.purpose = 'judgements'::text) AND (llm_calls.subject ? 'cascade'::text))
        ), days AS (
         SELECT calls.day,
            calls.application,
            calls.market,
            COALESCE(sum(calls.pairs) FILTER (WHERE ((calls.step = 'first'::text) AND calls.answered)), (0)::bigint) AS pairs,
            COALESCE(sum((((calls.low_confidence + calls.must_have_undecided) + calls.disagreement) + calls.no_second_opinion)) FILTER (WHERE calls.answered), (0)::bigint) AS escalated,
            COALESCE(sum(calls.low_confidence) FILTER (WHERE calls.answered), (0)::bigint) AS low_confidence,
            COALESCE(sum(calls.must_have_undecided) FILTER (WHERE calls.answered), (0)::bigint) AS must_have_undecided,
            COALESCE(sum(calls.disagreement) FILTER (WHERE calls.answered), (0)::bigint) AS disagreement,
            COALESCE(sum(calls.no_second_opinion) FILTER (WHERE calls.answered), (0)::bigint) AS no_second_opinion,
            COALESCE(sum(calls.usd) FILTER (WHERE (calls.step <> 'strong'::text)), (0)::numeric) AS cheap_usd,
            COALESCE(sum(calls.usd) FILTER (WHERE (calls.step = 'strong'::text)), (0)::numeric) AS strong_usd,
            sum(calls.tokens) FILTER (WHERE ((calls.step = 'first'::text) AND calls.answered)) AS first_tokens,
            (sum(calls.usd) FILTER (WHERE ((calls.step = 'strong'::text) AND calls.answered)) / (NULLIF(sum(calls.tokens) FILTER (WHERE ((calls.step = 'strong'::text) AND calls.answered)), 0))::numeric) AS usd_a_token
           FROM calls
          GROUP BY calls.day, calls.application, calls.market
        )
 SELECT day,
    application,
    market,
    pairs,
    escalated,
    ((escalated)::double precision / (NULLIF(pairs, 0))::double precision) AS share_escalated,
    low_confidence,
    must_have_undecided,
    disagreement,
    no_second_opinion,
    cheap_usd,
    strong_usd,
    ((first_tokens)::numeric * usd_a_token) AS strong_alone_usd,
    ((((first_tokens)::numeric * usd_a_token) - cheap_usd) - strong_usd) AS saved_usd
   FROM days;

COMMENT ON VIEW assay.cascade_days IS 'A cascade by UTC day, application and market: pairs the cheap model graded, those the strong one graded again and why, what both cost, and what the strong model alone would have cost: its price a token on the tokens of the first calls (NULL on a day without a strong call).';

CREATE TABLE assay_data.dead_letters (
    run text,
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    payload bytea,
    received_at timestamp with time zone NOT NULL,
    requeued_at timestamp with time zone,
    requeue_confirmed_at timestamp with time zone
)
PARTITION BY RANGE (received_at);

CREATE VIEW assay.dead_letters AS
 SELECT run,
    topic,
    partition,
    "offset",
    reason,
    detail,
    payload,
    received_at
   FROM assay_data.dead_letters;

CREATE TABLE assay_data.engine_comparisons (
    run_id uuid NOT NULL,
    compared_at timestamp with time zone NOT NULL,
    engines text[] NOT NULL,
    k integer NOT NULL,
    judge text NOT NULL,
    seed bigint NOT NULL,
    queries integer NOT NULL,
    pairs integer NOT NULL,
    judged integer NOT NULL,
    unknown integer NOT NULL,
    missing jsonb NOT NULL,
    failures jsonb NOT NULL
);

CREATE TABLE assay_data.engine_measures (
    run_id uuid NOT NULL,
    engine text NOT NULL,
    measure text NOT NULL,
    queries integer NOT NULL,
    value double precision,
    low double precision,
    high double precision,
    paired integer,
    difference double precision,
    difference_low double precision,
    difference_high double precision,
    p double precision,
    wins integer,
    losses integer,
    ties integer,
    CONSTRAINT engine_measures_measure_check CHECK ((measure = ANY (ARRAY['ndcg'::text, 'precision'::text, 'irrelevant'::text])))
);

CREATE VIEW assay.engine_comparisons AS
 SELECT c.run_id,
    c.compared_at,
    c.k,
    c.engines[1] AS baseline,
    m.engine,
    m.measure,
    m.queries,
    m.value,
    m.low,
    m.high,
    m.paired,
    m.difference,
    m.difference_low,
    m.difference_high,
    m.p,
    m.wins,
    m.losses,
    m.ties,
    c.pairs,
    c.judged,
    c.unknown,
    c.judge
   FROM (assay_data.engine_comparisons c
     JOIN assay_data.engine_measures m USING (run_id));

CREATE TABLE assay_data.engine_lists (
    id bigint NOT NULL,
    engine text NOT NULL,
    application text NOT NULL,
    market text NOT NULL,
    query text NOT NULL,
    language text NOT NULL,
    top integer NOT NULL,
    deep_first integer DEFAULT 0 NOT NULL,
    deep_count integer DEFAULT 0 NOT NULL,
    ranks integer[] NOT NULL,
    hits text[] NOT NULL,
    fetched_at timestamp with time zone NOT NULL
);

CREATE VIEW assay.engine_lists AS
 SELECT engine,
    application,
    market,
    query,
    language,
    ranks,
    hits,
    fetched_at
   FROM assay_data.engine_lists;

CREATE TABLE assay_data.engine_query_figures (
    run_id uuid NOT NULL,
    engine text NOT NULL,
    application text NOT NULL,
    market text NOT NULL,
    query text NOT NULL,
    ndcg double precision,
    precision_at_k double precision,
    irrelevant double precision,
    shown integer NOT NULL,
    judged integer NOT NULL
);

CREATE VIEW assay.engine_query_figures AS
 SELECT c.run_id,
    c.compared_at,
    c.k,
    f.engine,
    f.application,
    f.market,
    f.query,
    f.ndcg,
    f.precision_at_k,
    f.irrelevant,
    f.shown,
    f.judged
   FROM (assay_data.engine_comparisons c
     JOIN assay_data.engine_query_figures f USING (run_id));

CREATE TABLE assay_data.eval_datasets (
    id bigint NOT NULL,
    name text NOT NULL,
    version text NOT NULL,
    kind text NOT NULL,
    source text NOT NULL,
    licence text NOT NULL,
    rule text NOT NULL,
    anchors boolean NOT NULL,
    items integer NOT NULL,
    queries integer NOT NULL,
    raters text[] NOT NULL,
    made_at timestamp with time zone NOT NULL,
    made_by text NOT NULL,
    CONSTRAINT eval_datasets_kind_check CHECK ((kind = ANY (ARRAY['relevance'::text, 'image'::text])))
);

CREATE VIEW assay.eval_datasets AS
 SELECT name,
    version,
    kind,
    source,
    licence,
    rule,
    anchors,
    items,
    queries,
    raters,
    made_at,
    made_by
   FROM assay_data.eval_datasets;

COMMENT ON VIEW assay.eval_datasets IS 'Versions of datasets. A version is a hash of the items, their grades and the rule: it never changes. rule says how the file''s grades became ours.';

CREATE TABLE assay_data.eval_items (
    dataset bigint NOT NULL,
    "position" integer NOT NULL,
    item_id text NOT NULL,
    split text NOT NULL,
    application text NOT NULL,
    market text NOT NULL,
    language text NOT NULL,
    query text NOT NULL,
    context text NOT NULL,
    listing_id text NOT NULL,
    listing jsonb,
    image_url text,
    segment jsonb NOT NULL,
    ranks jsonb NOT NULL,
    truth smallint,
    ratings jsonb NOT NULL,
    CONSTRAINT eval_items_split_check CHECK ((split = ANY (ARRAY['tune'::text, 'test'::text])))
);

CREATE VIEW assay.eval_items AS
 SELECT d.name AS dataset,
    d.version,
    d.kind,
    i.item_id,
    i.split,
    i.application,
    i.market,
    i.language,
    i.query,
    i.context,
    i.listing_id,
    (i.listing ->> 'title'::text) AS title,
    i.image_url,
    i.segment,
    i.ranks,
    i.truth,
    i.ratings
   FROM (assay_data.eval_items i
     JOIN assay_data.eval_datasets d ON ((d.id = i.dataset)));

COMMENT ON VIEW assay.eval_items IS 'Items of datasets: grades 0 to 2, or scores 1 to 10 of pictures. truth is the grade that counts (adjudicated, else the median of the raters, rounded down), NULL where nobody graded it; ratings by rater.';

CREATE TABLE assay_data.eval_results (
    run_id uuid NOT NULL,
    judge text NOT NULL,
    item_id text NOT NULL,
    grade smallint,
    confidence double precision,
    reasoning text NOT NULL,
    verdicts text NOT NULL,
    aspects jsonb NOT NULL,
    guideline_version text NOT NULL,
    content_key text NOT NULL,
    call_id uuid,
    failure text NOT NULL,
    reused boolean NOT NULL,
    cost_usd double precision NOT NULL,
    input_tokens double precision NOT NULL,
    output_tokens double precision NOT NULL,
    latency_ms integer NOT NULL,
    judged_at timestamp with time zone NOT NULL,
    model text NOT NULL,
    extra jsonb NOT NULL,
    call_usd double precision,
    CONSTRAINT eval_results_check CHECK (((grade IS NULL) = (failure <> ''::text)))
);

CREATE TABLE assay_data.eval_runs (
    run_id uuid NOT NULL,
    name text NOT NULL,
    dataset text NOT NULL,
    kind text NOT NULL,
    split text,
    judges text[] NOT NULL,
    state text NOT NULL,
    cap_usd double precision NOT NULL,
    estimated_usd double precision NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    started_by text NOT NULL,
    items integer NOT NULL,
    item_limit integer NOT NULL,
    item_sample integer NOT NULL,
    anchors boolean NOT NULL,
    CONSTRAINT eval_runs_kind_check CHECK ((kind = ANY (ARRAY['relevance'::text, 'image'::text]))),
    CONSTRAINT eval_runs_split_check CHECK ((split = ANY (ARRAY['tune'::text, 'test'::text]))),
    CONSTRAINT eval_runs_state_check CHECK ((state = ANY (ARRAY['running'::text, 'done'::text, 'stopped'::text, 'over_cap'::text])))
);

CREATE VIEW assay.eval_results AS
 SELECT r.run_id,
    r.name AS run,
    r.dataset,
    e.judge,
    e.item_id,
    e.grade,
    e.confidence,
    e.reasoning,
    e.verdicts,
    e.aspects,
    e.guideline_version,
    e.content_key,
    e.call_id,
    e.failure,
    e.reused,
    e.cost_usd,
    e.call_usd,
    e.input_tokens,
    e.output_tokens,
    e.latency_ms,
    e.model,
    e.judged_at
   FROM (assay_data.eval_results e
     JOIN assay_data.eval_runs r USING (run_id));

COMMENT ON VIEW assay.eval_results IS 'What each judge said of each item of a run: grade 0 to 2, or 1 to 10 of pictures; NULL with the kind of failure where it gave none. reused: an earlier judgement of the same content, nothing was paid. Joins eval_items by dataset, version and item_id.';

CREATE VIEW assay.eval_runs AS
 SELECT run_id,
    name,
    dataset,
    kind,
    split,
    judges,
    state,
    cap_usd,
    estimated_usd,
    started_at,
    ended_at,
    started_by,
    items,
    item_limit,
    item_sample,
    anchors
   FROM assay_data.eval_runs;

COMMENT ON VIEW assay.eval_runs IS 'Runs of judges on datasets (name@version). split NULL: both; item_limit and item_sample 0: every item. A run whose process was killed stays running until it is resumed.';

CREATE TABLE assay_data.gates (
    gate_id uuid NOT NULL,
    judge text NOT NULL,
    against text NOT NULL,
    rules_name text NOT NULL,
    rules text NOT NULL,
    dataset_name text NOT NULL,
    dataset_version text NOT NULL,
    split text NOT NULL,
    run_id uuid NOT NULL,
    run_name text NOT NULL,
    passed boolean NOT NULL,
    outcomes jsonb NOT NULL,
    checked_at timestamp with time zone NOT NULL,
    checked_by text NOT NULL,
    CONSTRAINT gates_split_check CHECK ((split = ANY (ARRAY['test'::text, 'tune'::text, 'both'::text])))
);

CREATE VIEW assay.gate_rules AS
 SELECT g.gate_id,
    g.judge,
    g.rules_name,
    g.checked_at,
    o.place,
    (o.outcome ->> 'rule'::text) AS rule,
    (o.outcome ->> 'segment'::text) AS segment,
    ((o.outcome ->> 'figure'::text))::double precision AS figure,
    ((o.outcome ->> 'low'::text))::double precision AS low,
    ((o.outcome ->> 'high'::text))::double precision AS high,
    ((o.outcome ->> 'limit'::text))::double precision AS bound,
    (o.outcome ->> 'read'::text) AS read,
    ((o.outcome ->> 'n_items'::text))::integer AS items,
    ((o.outcome ->> 'passed'::text))::boolean AS passed,
    (o.outcome ->> 'why'::text) AS why
   FROM assay_data.gates g,
    LATERAL jsonb_array_elements(g.outcomes) WITH ORDINALITY o(outcome, place);

COMMENT ON VIEW assay.gate_rules IS 'The rules of each gate with their figures. segment: empty for all items. passed NULL: left out, and why says for what reason. A figure that is not defined is NULL and breaks its rule.';

CREATE VIEW assay.gates AS
 SELECT gate_id,
    judge,
    against,
    rules_name,
    dataset_name AS dataset,
    dataset_version AS version,
    split,
    run_id,
    run_name,
    passed,
    checked_at,
    checked_by
   FROM assay_data.gates;

COMMENT ON VIEW assay.gates IS 'Every time a judge was held against a gate''s rules: on which version of which dataset, beside which other judge (empty: none), and whether it passed.';

CREATE TABLE assay_data.guidelines (
    market text NOT NULL,
    query text NOT NULL,
    language text NOT NULL,
    version text NOT NULL,
    prompt_version text NOT NULL,
    model text NOT NULL,
    author text NOT NULL,
    body jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    context text DEFAULT ''::text NOT NULL,
    revision integer NOT NULL,
    comment text DEFAULT ''::text NOT NULL,
    based_on text DEFAULT ''::text NOT NULL
);

CREATE VIEW assay.guideline_history AS
 SELECT market,
    query,
    language,
    context,
    revision,
    version,
    author,
    prompt_version,
    model,
    comment,
    based_on,
    body,
    created_at
   FROM assay_data.guidelines;

CREATE TABLE assay_data.image_alerts (
    alert_id uuid NOT NULL,
    kind text NOT NULL,
    segment jsonb NOT NULL,
    metric text NOT NULL,
    before double precision NOT NULL,
    after double precision NOT NULL,
    detected_at timestamp with time zone NOT NULL,
    evidence jsonb NOT NULL,
    CONSTRAINT image_alerts_kind_check CHECK ((kind = ANY (ARRAY['buyers'::text, 'student'::text, 'flags'::text])))
);

CREATE VIEW assay.image_alerts AS
 SELECT alert_id,
    kind,
    segment,
    metric,
    before,
    after,
    detected_at,
    evidence
   FROM assay_data.image_alerts;

COMMENT ON VIEW assay.image_alerts IS 'What a person must know of picture scores. kind: buyers (the scores agree less with what buyers do), student (judge and student agree less), flags (more pictures carry a flag, such as ai_made).';

CREATE TABLE assay_data.image_scores (
    id bigint NOT NULL,
    event_id uuid NOT NULL,
    content_key text NOT NULL,
    listing_id text NOT NULL,
    image_url text NOT NULL,
    image_hash text NOT NULL,
    score smallint NOT NULL,
    aspects jsonb NOT NULL,
    reasoning text NOT NULL,
    tier text NOT NULL,
    model text NOT NULL,
    fingerprint text NOT NULL,
    prompt_version text NOT NULL,
    judged_at timestamp with time zone NOT NULL,
    call_id uuid,
    judge text DEFAULT ''::text NOT NULL,
    flags text[] DEFAULT '{}'::text[] NOT NULL,
    spread double precision,
    alike_of text DEFAULT ''::text NOT NULL,
    CONSTRAINT image_scores_score_check CHECK (((score >= 1) AND (score <= 10))),
    CONSTRAINT image_scores_tier_check CHECK ((tier = ANY (ARRAY['llm'::text, 'student'::text])))
);

CREATE TABLE assay_data.listings (
    listing_id text NOT NULL,
    market text NOT NULL,
    language text,
    title text NOT NULL,
    description text,
    brand text,
    category text,
    price_amount double precision,
    price_currency text,
    attributes jsonb NOT NULL,
    image_urls text[] NOT NULL,
    content_hash text NOT NULL,
    deleted boolean NOT NULL,
    run text NOT NULL,
    told_at timestamp with time zone NOT NULL
);

CREATE VIEW assay.image_flag_shares AS
 SELECT ((s.judged_at AT TIME ZONE 'UTC'::text))::date AS day,
    COALESCE(l.market, ''::text) AS market,
    COALESCE(l.category, ''::text) AS category,
    f.flag,
    count(DISTINCT s.image_hash) AS pictures,
    count(DISTINCT s.image_hash) FILTER (WHERE (f.flag = ANY (s.flags))) AS flagged,
    ((count(DISTINCT s.image_hash) FILTER (WHERE (f.flag = ANY (s.flags))))::double precision / (count(DISTINCT s.image_hash))::double precision) AS share
   FROM ((( SELECT DISTINCT ON (image_scores.listing_id, image_scores.image_url) image_scores.listing_id,
            image_scores.image_url,
            image_scores.image_hash,
            image_scores.flags,
            image_scores.judged_at
           FROM assay_data.image_scores
          WHERE (image_scores.tier = 'llm'::text)
          ORDER BY image_scores.listing_id, image_scores.image_url, image_scores.judged_at DESC, image_scores.id DESC) s
     LEFT JOIN assay_data.listings l USING (listing_id))
     CROSS JOIN unnest(ARRAY['ai_made'::text, 'over_edited'::text, 'instructions'::text]) f(flag))
  GROUP BY (((s.judged_at AT TIME ZONE 'UTC'::text))::date), COALESCE(l.market, ''::text), COALESCE(l.category, ''::text), f.flag;

COMMENT ON VIEW assay.image_flag_shares IS 'Of the pictures that the judge (tier llm) scored last on a UTC day, by the market and category that their listing has now: how many different ones there are, and how many of them carry the flag (ai_made, over_edited, instructions). Not the student''s scores: it says no flags.';

CREATE VIEW assay.image_score_flags AS
 SELECT event_id,
    flags,
    spread,
    alike_of
   FROM assay_data.image_scores;

COMMENT ON VIEW assay.image_score_flags IS 'What the judge saw of each picture beside its scores (ai_made, over_edited, …), and the student''s own doubt in points of the score. alike_of: the image_hash that was looked at where this picture only looks like it and shares its score; else empty. Joins image_scores by event_id.';

CREATE VIEW assay.image_score_judges AS
 SELECT event_id,
    judge
   FROM assay_data.image_scores;

COMMENT ON VIEW assay.image_score_judges IS 'Which judge version (name@hash) gave each picture its score. Joins image_scores by event_id.';

CREATE VIEW assay.image_scores AS
 SELECT DISTINCT ON (listing_id, image_url) listing_id,
    image_url,
    image_hash,
    score,
    aspects,
    reasoning,
    tier,
    model,
    prompt_version,
    judged_at,
    event_id
   FROM assay_data.image_scores
  ORDER BY listing_id, image_url, judged_at DESC, id DESC;

CREATE TABLE assay_data.student_deeds (
    id bigint NOT NULL,
    act text NOT NULL,
    version text NOT NULL,
    by text NOT NULL,
    why text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT student_deeds_act_check CHECK ((act = ANY (ARRAY['promote'::text, 'rollback'::text]))),
    CONSTRAINT student_deeds_by_check CHECK ((by <> ''::text)),
    CONSTRAINT student_deeds_check CHECK (((version <> ''::text) OR (act = 'rollback'::text))),
    CONSTRAINT student_deeds_why_check CHECK ((why <> ''::text))
);

CREATE TABLE assay_data.students (
    version text NOT NULL,
    name text NOT NULL,
    extractor text NOT NULL,
    metadata jsonb NOT NULL,
    body bytea NOT NULL,
    trained_at timestamp with time zone NOT NULL,
    trained_by text NOT NULL
);

CREATE VIEW assay.image_students AS
 SELECT version,
    name,
    extractor,
    (metadata ->> 'judge'::text) AS judge,
    trained_at,
    trained_by,
    ((metadata ->> 'pictures'::text))::integer AS pictures,
    ((metadata ->> 'held_back'::text))::integer AS held_back,
    ((metadata #>> '{figures,rank_correlation,value}'::text[]))::double precision AS rank_correlation,
    ((metadata #>> '{figures,rank_correlation,low}'::text[]))::double precision AS rank_low,
    ((metadata #>> '{figures,rank_correlation,high}'::text[]))::double precision AS rank_high,
    ((metadata #>> '{figures,quadratic_kappa,value}'::text[]))::double precision AS quadratic_kappa,
    ((metadata #>> '{figures,mean_bias,value}'::text[]))::double precision AS mean_bias,
    ((metadata #>> '{figures,within_one,value}'::text[]))::double precision AS within_one,
    ((metadata ->> 'coverage'::text))::double precision AS coverage,
    ((metadata ->> 'unsure_above'::text))::double precision AS unsure_above,
    octet_length(body) AS bytes,
    COALESCE((version = ( SELECT d.version
           FROM assay_data.student_deeds d
          ORDER BY d.id DESC
         LIMIT 1)), false) AS live,
    metadata
   FROM assay_data.students s;

COMMENT ON VIEW assay.image_students IS 'Every version of the small model that scores pictures at once: the judge whose labels it was trained on, and how it did on held-back sellers'' pictures. coverage: share of them whose label lies within its spread. live: it scores now.';

CREATE TABLE assay_data.judge_deeds (
    id bigint NOT NULL,
    act text NOT NULL,
    version text NOT NULL,
    share double precision NOT NULL,
    by text NOT NULL,
    why text NOT NULL,
    at timestamp with time zone NOT NULL,
    gate_id uuid,
    CONSTRAINT judge_deeds_act_check CHECK ((act = ANY (ARRAY['promote'::text, 'rollback'::text, 'shadow'::text, 'unshadow'::text]))),
    CONSTRAINT judge_deeds_by_check CHECK ((by <> ''::text)),
    CONSTRAINT judge_deeds_check CHECK (((why <> ''::text) OR (act = ANY (ARRAY['shadow'::text, 'unshadow'::text])))),
    CONSTRAINT judge_deeds_share_check CHECK (((share >= (0)::double precision) AND (share <= (1)::double precision)))
);

CREATE VIEW assay.judge_deeds AS
 SELECT id,
    act,
    version,
    share,
    by,
    why,
    at,
    gate_id
   FROM assay_data.judge_deeds;

COMMENT ON VIEW assay.judge_deeds IS 'Who promoted, rolled back or put which judge into the shadow, when and why. The newest promote or rollback names the live judge; none, or the version settings: the judge that the settings make.';

CREATE TABLE assay_data.tasks (
    task_id uuid NOT NULL,
    task_key text NOT NULL,
    kind text NOT NULL,
    lane text NOT NULL,
    lane_rank smallint NOT NULL,
    group_key text NOT NULL,
    subject jsonb NOT NULL,
    payload jsonb NOT NULL,
    priority double precision NOT NULL,
    state text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    not_before timestamp with time zone NOT NULL,
    lease_until timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    failures jsonb DEFAULT '{}'::jsonb NOT NULL,
    lease_no integer DEFAULT 0 NOT NULL,
    CONSTRAINT tasks_lane_check CHECK ((lane = ANY (ARRAY['live'::text, 'panel'::text, 'backfill'::text]))),
    CONSTRAINT tasks_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'running'::text, 'done'::text, 'failed'::text])))
);

CREATE VIEW assay.judge_task_reasons AS
 SELECT kind,
    lane,
    state,
    reason,
    count(*) AS tasks,
    min(created_at) AS oldest,
    min(not_before) FILTER (WHERE (state = 'waiting'::text)) AS next_try,
    max(finished_at) AS newest_end
   FROM assay_data.tasks
  WHERE ((state = 'failed'::text) OR ((state = 'waiting'::text) AND (reason <> ''::text)))
  GROUP BY kind, lane, state, reason;

CREATE VIEW assay.judge_tasks AS
 SELECT task_id,
    kind,
    lane,
    subject,
    state,
    reason,
    attempts,
    created_at,
    finished_at
   FROM assay_data.tasks;

CREATE TABLE assay_data.judges (
    version text NOT NULL,
    name text NOT NULL,
    mode text NOT NULL,
    model text NOT NULL,
    vision_model text NOT NULL,
    products_per_call smallint NOT NULL,
    cascade jsonb,
    prompts jsonb NOT NULL,
    added_at timestamp with time zone NOT NULL,
    added_by text NOT NULL,
    sampling jsonb DEFAULT '{}'::jsonb NOT NULL,
    rubrics jsonb DEFAULT '{}'::jsonb NOT NULL
);

CREATE VIEW assay.judges AS
 SELECT version,
    name,
    mode,
    model,
    vision_model,
    products_per_call,
    cascade,
    prompts,
    added_at,
    added_by,
    rubrics
   FROM assay_data.judges;

COMMENT ON VIEW assay.judges IS 'Every judge version that was added or has judged.';

CREATE TABLE assay_data.labels (
    id bigint NOT NULL,
    event_id uuid NOT NULL,
    content_key text NOT NULL,
    application text NOT NULL,
    market text NOT NULL,
    query text NOT NULL,
    listing_id text NOT NULL,
    label text NOT NULL,
    grade smallint NOT NULL,
    confidence double precision NOT NULL,
    reasoning text NOT NULL,
    reason text NOT NULL,
    mode text NOT NULL,
    model text NOT NULL,
    fingerprint text NOT NULL,
    prompt_version text NOT NULL,
    guideline_version text NOT NULL,
    content_hash text NOT NULL,
    image_hash text,
    judged_at timestamp with time zone NOT NULL,
    call_id uuid NOT NULL,
    judge text DEFAULT ''::text NOT NULL,
    verdicts text DEFAULT ''::text NOT NULL,
    CONSTRAINT labels_label_check CHECK ((label = ANY (ARRAY['irrelevant'::text, 'acceptable_substitute'::text, 'highly_relevant'::text]))),
    CONSTRAINT labels_reason_check CHECK ((reason = ANY (ARRAY['panel'::text, 'friction'::text, 'volume'::text, 'request'::text])))
);

CREATE TABLE assay_data.llm_costs (
    day date NOT NULL,
    application text NOT NULL,
    market text NOT NULL,
    language text NOT NULL,
    lane text NOT NULL,
    purpose text NOT NULL,
    model text NOT NULL,
    price_version text NOT NULL,
    batch boolean NOT NULL,
    status text NOT NULL,
    calls bigint NOT NULL,
    input_tokens bigint NOT NULL,
    cached_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cost_usd numeric(20,12) NOT NULL
)
WITH (fillfactor='50');

CREATE VIEW assay.label_cost_daily AS
 SELECT day,
    application,
    market,
    (sum(labels))::bigint AS labels,
    sum(cost_usd) AS cost_usd,
    (sum(cost_usd) / NULLIF(sum(labels), (0)::numeric)) AS usd_per_label
   FROM ( SELECT llm_costs.day,
            llm_costs.application,
            llm_costs.market,
            (0)::bigint AS labels,
            llm_costs.cost_usd
           FROM assay_data.llm_costs
          WHERE (llm_costs.purpose = ANY (ARRAY['guideline'::text, 'judgements'::text, 'picture_description'::text]))
        UNION ALL
         SELECT ((labels.judged_at AT TIME ZONE 'UTC'::text))::date AS timezone,
            labels.application,
            labels.market,
            1,
            0
           FROM assay_data.labels) both_sides
  GROUP BY day, application, market;

COMMENT ON VIEW assay.label_cost_daily IS 'The full cost of labels by UTC day, application and market: all calls for guidelines, judgements and descriptions that day, those that failed too, divided by the labels made that day. usd_per_label is null on a day with cost and no label.';

CREATE VIEW assay.label_costs AS
 SELECT l.event_id,
    l.application,
    l.market,
    l.query,
    l.listing_id,
    l.label,
    l.reason,
    l.judged_at,
    l.call_id,
    c.lane,
    c.model,
    c.batch,
    shared.labels AS labels_of_call,
    (c.cost_usd / (shared.labels)::numeric) AS cost_usd
   FROM ((assay_data.labels l
     JOIN assay_data.llm_calls c ON ((c.call_id = l.call_id)))
     CROSS JOIN LATERAL ( SELECT count(*) AS labels
           FROM assay_data.labels x
          WHERE (x.call_id = l.call_id)) shared);

COMMENT ON VIEW assay.label_costs IS 'What a label''s own call cost: the call''s cost divided evenly over the labels that came of it and are still kept. Guidelines, descriptions of pictures, the cheap calls of a cascade and calls without a label are not in it: they serve many labels or none, and are in assay.label_cost_daily. A label is here as long as its call is kept (ASSAY_RETENTION_LLM_CALL_DAYS).';

CREATE VIEW assay.label_judges AS
 SELECT event_id,
    judge,
    verdicts
   FROM assay_data.labels;

COMMENT ON VIEW assay.label_judges IS 'Which judge version (name@hash) gave each label, and its verdict on each requirement of the guideline, in their order: y met, n not met, ? not told. Both are empty for labels of before there were versions. Joins relevance_labels and relevance_label_history by event_id.';

CREATE VIEW assay.listing_image_scores AS
 SELECT l.listing_id,
    l.market,
        CASE
            WHEN (p.others IS NULL) THEN (p.primary_score)::double precision
            ELSE (((0.7 * (p.primary_score)::numeric))::double precision + ((0.3)::double precision * p.others))
        END AS score,
    p.primary_score,
    p.pictures,
    p.scored,
    p.worst_score,
    p.tier,
    p.judged_at
   FROM (assay_data.listings l
     CROSS JOIN LATERAL ( SELECT max(s.score) FILTER (WHERE (u.place = 1)) AS primary_score,
            (avg(s.score) FILTER (WHERE (u.place > 1)))::double precision AS others,
            count(*) AS pictures,
            count(s.score) AS scored,
            min(s.score) AS worst_score,
                CASE
                    WHEN bool_and((s.tier = 'llm'::text)) THEN 'llm'::text
                    WHEN bool_and((s.tier = 'student'::text)) THEN 'student'::text
                    WHEN (count(s.tier) > 0) THEN 'mixed'::text
                    ELSE NULL::text
                END AS tier,
            max(s.judged_at) AS judged_at
           FROM (unnest(l.image_urls) WITH ORDINALITY u(url, place)
             LEFT JOIN LATERAL ( SELECT s_1.score,
                    s_1.tier,
                    s_1.judged_at
                   FROM assay_data.image_scores s_1
                  WHERE ((s_1.listing_id = l.listing_id) AND (s_1.image_url = u.url))
                  ORDER BY s_1.judged_at DESC, s_1.id DESC
                 LIMIT 1) s ON (true))) p)
  WHERE ((NOT l.deleted) AND (cardinality(l.image_urls) > 0));

COMMENT ON VIEW assay.listing_image_scores IS 'A listing''s picture score, from the newest score of each picture it shows now: 0.7 of the main (first) picture''s and 0.3 of the others'' mean; null until the main one is scored. worst_score is the least of its pictures. tier: llm, student, or mixed.';

CREATE TABLE assay_data.llm_batches (
    batch_id uuid NOT NULL,
    lane text NOT NULL,
    model text NOT NULL,
    state text NOT NULL,
    requests integer NOT NULL,
    input_tokens bigint NOT NULL,
    file_bytes bigint NOT NULL,
    input_file text,
    provider_id text,
    provider_status text DEFAULT ''::text NOT NULL,
    provider_done integer DEFAULT 0 NOT NULL,
    accepted boolean DEFAULT false NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    tried_at timestamp with time zone,
    ordered_at timestamp with time zone,
    deadline_at timestamp with time zone NOT NULL,
    looks integer DEFAULT 0 NOT NULL,
    next_look_at timestamp with time zone NOT NULL,
    cancel_asked_at timestamp with time zone,
    cancel_sent_at timestamp with time zone,
    ended_at timestamp with time zone,
    error text DEFAULT ''::text NOT NULL,
    answered integer DEFAULT 0 NOT NULL,
    failed integer DEFAULT 0 NOT NULL,
    unanswered integer DEFAULT 0 NOT NULL,
    cost_usd numeric(20,12) DEFAULT 0 NOT NULL,
    live_usd numeric(20,12) DEFAULT 0 NOT NULL,
    CONSTRAINT llm_batches_lane_check CHECK ((lane = ANY (ARRAY['live'::text, 'panel'::text, 'backfill'::text]))),
    CONSTRAINT llm_batches_state_check CHECK ((state = ANY (ARRAY['preparing'::text, 'reserved'::text, 'uploaded'::text, 'ordered'::text, 'ended'::text])))
);

CREATE VIEW assay.llm_batches AS
 SELECT batch_id,
    lane,
    model,
    state,
    provider_status,
    requests,
    provider_done,
    answered,
    failed,
    unanswered,
    created_at,
    ordered_at,
    deadline_at,
    ended_at,
    cost_usd,
    live_usd,
    error
   FROM assay_data.llm_batches;

CREATE TABLE assay_data.llm_breakers (
    replica text NOT NULL,
    endpoint text NOT NULL,
    model text NOT NULL,
    phase text NOT NULL,
    why text NOT NULL,
    since timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL,
    CONSTRAINT llm_breakers_phase_check CHECK ((phase = ANY (ARRAY['half_open'::text, 'open'::text])))
);

CREATE TABLE assay_data.replicas (
    name text NOT NULL,
    processes text[] NOT NULL,
    started_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL
);

CREATE VIEW assay.llm_breakers AS
 SELECT b.replica,
    b.endpoint,
    b.model,
    b.phase,
    b.why,
    b.since,
    b.until
   FROM (assay_data.llm_breakers b
     JOIN assay_data.replicas r ON ((r.name = b.replica)))
  WHERE (r.seen_at > (now() - '00:00:30'::interval));

COMMENT ON VIEW assay.llm_breakers IS 'Models that a living replica sends nothing to because calls failed, or tries with one probe (half_open). Endpoint: first or second. Empty when all is well.';

CREATE TABLE assay_data.llm_reservations (
    call_id uuid NOT NULL,
    started_at timestamp with time zone NOT NULL,
    budget_day date NOT NULL,
    expires_at double precision NOT NULL,
    endpoint text NOT NULL,
    lane text NOT NULL,
    model text NOT NULL,
    purpose text NOT NULL,
    subject jsonb NOT NULL,
    tasks uuid[] NOT NULL,
    prompt_version text NOT NULL,
    prompt_hash text NOT NULL,
    price_version text NOT NULL,
    batch boolean NOT NULL,
    reserved_tokens bigint NOT NULL,
    reserved_usd numeric(20,12) NOT NULL,
    CONSTRAINT llm_reservations_lane_check CHECK ((lane = ANY (ARRAY['live'::text, 'panel'::text, 'backfill'::text])))
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='5000');

CREATE VIEW assay_data.llm_calls_all AS
 SELECT llm_calls.call_id,
    llm_calls.lane,
    llm_calls.model,
    llm_calls.status,
    llm_calls.http_status,
    llm_calls.started_at,
    llm_calls.latency_ms,
    llm_calls.input_tokens,
    llm_calls.cached_tokens,
    llm_calls.output_tokens,
    llm_calls.cost_usd,
    llm_calls.purpose,
    llm_calls.subject,
    llm_calls.prompt_version,
    llm_calls.prompt_hash,
    llm_calls.request,
    llm_calls.reply,
    llm_calls.answered_by,
    llm_calls.fingerprint,
    llm_calls.error,
    llm_calls.budget_day,
    llm_calls.reserved_tokens,
    llm_calls.reserved_usd,
    llm_calls.endpoint,
    llm_calls.tasks,
    llm_calls.price_version,
    llm_calls.batch
   FROM assay_data.llm_calls
UNION ALL
 SELECT llm_reservations.call_id,
    llm_reservations.lane,
    llm_reservations.model,
    'running'::text AS status,
    NULL::integer AS http_status,
    llm_reservations.started_at,
    NULL::integer AS latency_ms,
    NULL::integer AS input_tokens,
    NULL::integer AS cached_tokens,
    NULL::integer AS output_tokens,
    llm_reservations.reserved_usd AS cost_usd,
    llm_reservations.purpose,
    llm_reservations.subject,
    llm_reservations.prompt_version,
    llm_reservations.prompt_hash,
    NULL::jsonb AS request,
    ''::text AS reply,
    ''::text AS answered_by,
    ''::text AS fingerprint,
    ''::text AS error,
    llm_reservations.budget_day,
    llm_reservations.reserved_tokens,
    llm_reservations.reserved_usd,
    llm_reservations.endpoint,
    llm_reservations.tasks,
    llm_reservations.price_version,
    llm_reservations.batch
   FROM assay_data.llm_reservations;

CREATE VIEW assay.llm_calls AS
 SELECT call_id,
    lane,
    model,
    status,
    http_status,
    started_at,
    latency_ms,
    input_tokens,
    cached_tokens,
    output_tokens,
    cost_usd
   FROM assay_data.llm_calls_all;

CREATE VIEW assay.llm_cost_daily AS
 SELECT day,
    application,
    market,
    language,
    lane,
    purpose,
    model,
    price_version,
    batch,
    status,
    calls,
    input_tokens,
    cached_tokens,
    output_tokens,
    cost_usd
   FROM assay_data.llm_costs;

COMMENT ON VIEW assay.llm_cost_daily IS 'What ended calls cost, by UTC day of their reservation and segment; kept longer than the calls. application, market and language are empty where a call has none (a picture is of no language). price_version ends with " default" where the model is in no price list. cached_tokens are a part of input_tokens. A call whose cost is not known counts at its worst case (status lost, timeout and the like).';

CREATE TABLE assay_data.llm_spend (
    day date CONSTRAINT llm_spend_day_not_null1 NOT NULL,
    lane text NOT NULL,
    spent_usd numeric(20,12) DEFAULT 0 CONSTRAINT llm_spend_spent_usd_not_null1 NOT NULL,
    reserved_usd numeric(20,12) DEFAULT 0 CONSTRAINT llm_spend_reserved_usd_not_null1 NOT NULL,
    CONSTRAINT llm_spend_lane_check CHECK ((lane = ANY (ARRAY['live'::text, 'panel'::text, 'backfill'::text, ''::text])))
)
WITH (fillfactor='20');

CREATE VIEW assay.llm_spend_daily AS
 SELECT day,
    lane,
    spent_usd,
    reserved_usd
   FROM assay_data.llm_spend;

COMMENT ON VIEW assay.llm_spend_daily IS 'The budget''s books: what a lane spent on a UTC day, and what is reserved for its calls under way at their worst case. Lane is empty for what days before version 0011 of the tables did not tell apart. sum(spent_usd) of a day is sum(cost_usd) of assay.llm_cost_daily on it.';

CREATE TABLE assay_data.phash_groups (
    first_phash bigint NOT NULL,
    phash bigint NOT NULL,
    distance smallint NOT NULL,
    crossed boolean DEFAULT false NOT NULL
);

COMMENT ON TABLE assay_data.phash_groups IS 'Hashes near a first one, itself among them with distance 0; its row is crossed once two sellers'' pictures are in the group. A hash may be in several groups, a first one is in its own only.';

CREATE TABLE assay_data.picture_sightings (
    listing_id text NOT NULL,
    image_url text NOT NULL,
    image_hash text NOT NULL,
    phash bigint NOT NULL,
    market text NOT NULL,
    seller text NOT NULL,
    first_seen timestamp with time zone NOT NULL,
    grouped boolean DEFAULT false NOT NULL
);

CREATE VIEW assay.near_duplicate_groups AS
 SELECT to_hex(g.phash) AS group_id,
    n.sellers,
    n.listings,
    n.pictures,
    n.markets,
    n.first_seen_at,
    n.newest_at
   FROM (assay_data.phash_groups g
     CROSS JOIN LATERAL ( SELECT count(DISTINCT s.seller) AS sellers,
            count(DISTINCT s.listing_id) AS listings,
            count(DISTINCT s.image_hash) AS pictures,
            array_agg(DISTINCT s.market) AS markets,
            min(s.first_seen) AS first_seen_at,
            max(s.first_seen) AS newest_at
           FROM (assay_data.phash_groups m
             JOIN assay_data.picture_sightings s ON ((s.phash = m.phash)))
          WHERE (m.first_phash = g.phash)) n)
  WHERE (g.crossed AND (n.sellers > 1));

COMMENT ON VIEW assay.near_duplicate_groups IS 'Pictures that look alike and that several sellers show: a row a group. Its copies are in near_duplicates.';

CREATE VIEW assay.near_duplicates AS
 SELECT to_hex(g.phash) AS group_id,
    f.listing_id AS first_listing_id,
    f.market AS first_market,
    f.seller AS first_seller,
    f.image_url AS first_image_url,
    f.image_hash AS first_image_hash,
    f.first_seen AS first_seen_at,
    s.listing_id,
    s.market,
    s.seller,
    s.image_url,
    s.image_hash,
    s.first_seen AS seen_at,
    assay_data.phash_distance(s.phash, f.phash) AS distance,
    (EXISTS ( SELECT
           FROM assay_data.listings l
          WHERE ((l.listing_id = s.listing_id) AND (NOT l.deleted)))) AS on_sale
   FROM (((assay_data.phash_groups g
     CROSS JOIN LATERAL ( SELECT o.listing_id,
            o.image_url,
            o.image_hash,
            o.phash,
            o.market,
            o.seller,
            o.first_seen,
            o.grouped
           FROM (assay_data.phash_groups m_1
             CROSS JOIN LATERAL ( SELECT s_1.listing_id,
                    s_1.image_url,
                    s_1.image_hash,
                    s_1.phash,
                    s_1.market,
                    s_1.seller,
                    s_1.first_seen,
                    s_1.grouped
                   FROM assay_data.picture_sightings s_1
                  WHERE (s_1.phash = m_1.phash)
                  ORDER BY s_1.first_seen, s_1.listing_id, s_1.image_url
                 LIMIT 1) o)
          WHERE (m_1.first_phash = g.phash)
          ORDER BY o.first_seen, o.listing_id, o.image_url
         LIMIT 1) f)
     JOIN assay_data.phash_groups m ON ((m.first_phash = g.phash)))
     JOIN assay_data.picture_sightings s ON (((s.phash = m.phash) AND (s.seller <> f.seller))))
  WHERE g.crossed;

COMMENT ON VIEW assay.near_duplicates IS 'Listings whose picture looks like an earlier one of another seller: a row a copy, beside the first picture of its group. distance: bits of the 64 of the perceptual hash in which the two differ. first_seen_at, seen_at: when the listing was told in the form in which the service first judged the picture. seller: as the listing named it then, its own id where it names none.';

CREATE TABLE assay_data.panes (
    run text NOT NULL,
    application text NOT NULL,
    market text NOT NULL,
    query text NOT NULL,
    hour timestamp with time zone NOT NULL,
    searches bigint NOT NULL,
    sessions bigint NOT NULL,
    engaged bigint NOT NULL,
    reformulated bigint NOT NULL,
    exits bigint NOT NULL,
    zero_results bigint NOT NULL
)
PARTITION BY RANGE (hour);

CREATE VIEW assay.query_panes AS
 SELECT run,
    application,
    market,
    query,
    hour,
    searches,
    sessions,
    engaged,
    reformulated,
    exits,
    zero_results
   FROM assay_data.panes;

CREATE TABLE assay_data.selections (
    id bigint NOT NULL,
    application text NOT NULL,
    market text NOT NULL,
    query text NOT NULL,
    reason text NOT NULL,
    priority double precision NOT NULL,
    results_hash text NOT NULL,
    evidence jsonb NOT NULL,
    pairs integer NOT NULL,
    selected_at timestamp with time zone NOT NULL,
    CONSTRAINT selections_reason_check CHECK ((reason = ANY (ARRAY['panel'::text, 'friction'::text, 'volume'::text])))
);

CREATE VIEW assay.query_selections AS
 SELECT application,
    market,
    query,
    reason,
    priority,
    evidence,
    pairs,
    selected_at
   FROM assay_data.selections;

CREATE TABLE assay_data.alerts (
    alert_id uuid NOT NULL,
    segment jsonb NOT NULL,
    cause text NOT NULL,
    metric text NOT NULL,
    before double precision NOT NULL,
    after double precision NOT NULL,
    detected_at timestamp with time zone NOT NULL,
    status text NOT NULL,
    evidence jsonb NOT NULL,
    CONSTRAINT alerts_cause_check CHECK ((cause = ANY (ARRAY['judge'::text, 'engine'::text, 'catalogue'::text, 'traffic'::text]))),
    CONSTRAINT alerts_status_check CHECK ((status = ANY (ARRAY['provisional'::text, 'final'::text])))
);

CREATE VIEW assay.relevance_alerts AS
 SELECT alert_id,
    segment,
    cause,
    metric,
    before,
    after,
    detected_at,
    evidence
   FROM assay_data.alerts;

CREATE VIEW assay.relevance_label_history AS
 SELECT application,
    market,
    query,
    listing_id,
    label,
    grade,
    confidence,
    reasoning,
    reason,
    mode,
    model,
    prompt_version,
    guideline_version,
    content_hash,
    image_hash,
    judged_at,
    event_id
   FROM assay_data.labels;

CREATE VIEW assay.relevance_labels AS
 SELECT DISTINCT ON (application, market, query, listing_id) application,
    market,
    query,
    listing_id,
    label,
    grade,
    confidence,
    reasoning,
    reason,
    mode,
    model,
    prompt_version,
    guideline_version,
    content_hash,
    image_hash,
    judged_at,
    event_id
   FROM assay_data.labels
  ORDER BY application, market, query, listing_id, judged_at DESC, id DESC;

CREATE VIEW assay.relevance_labels_by_context AS
 SELECT DISTINCT ON (l.application, l.market, l.query, g.language, g.context, l.listing_id) l.application,
    l.market,
    l.query,
    COALESCE(g.language, ''::text) AS language,
    COALESCE(g.context, ''::text) AS context,
    l.listing_id,
    l.label,
    l.grade,
    l.confidence,
    l.reasoning,
    l.reason,
    l.mode,
    l.model,
    l.prompt_version,
    l.guideline_version,
    l.content_hash,
    l.image_hash,
    l.judged_at,
    l.event_id
   FROM (assay_data.labels l
     LEFT JOIN assay_data.guidelines g ON (((g.market = l.market) AND (g.query = l.query) AND (g.version = l.guideline_version))))
  ORDER BY l.application, l.market, l.query, g.language, g.context, l.listing_id, l.judged_at DESC, l.id DESC;

CREATE TABLE assay_data.review_acts (
    act_id bigint NOT NULL,
    item_id uuid NOT NULL,
    reviewer text NOT NULL,
    act text NOT NULL,
    grade smallint,
    blind boolean DEFAULT true NOT NULL,
    undoes bigint,
    note text DEFAULT ''::text NOT NULL,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT review_acts_act_check CHECK ((act = ANY (ARRAY['answer'::text, 'skip'::text, 'undo'::text, 'remark'::text, 'decision'::text]))),
    CONSTRAINT review_acts_check CHECK (((act = ANY (ARRAY['answer'::text, 'decision'::text])) = (grade IS NOT NULL))),
    CONSTRAINT review_acts_check1 CHECK (((act = 'undo'::text) = (undoes IS NOT NULL)))
);

CREATE TABLE assay_data.review_items (
    item_id uuid NOT NULL,
    kind text NOT NULL,
    place integer NOT NULL,
    needed smallint NOT NULL,
    application text NOT NULL,
    market text NOT NULL,
    language text NOT NULL,
    query text NOT NULL,
    context text NOT NULL,
    listing_id text NOT NULL,
    content_hash text NOT NULL,
    image_url text NOT NULL,
    listing jsonb,
    segment jsonb NOT NULL,
    guideline_version text NOT NULL,
    anchors boolean NOT NULL,
    dataset text NOT NULL,
    dataset_item text NOT NULL,
    queued_at timestamp with time zone NOT NULL,
    seen_by text[] DEFAULT '{}'::text[] NOT NULL,
    answers smallint DEFAULT 0 NOT NULL,
    open boolean DEFAULT true NOT NULL,
    disputed boolean DEFAULT false NOT NULL,
    decided smallint,
    CONSTRAINT review_items_kind_check CHECK ((kind = ANY (ARRAY['relevance'::text, 'image'::text]))),
    CONSTRAINT review_items_needed_check CHECK (((needed >= 1) AND (needed <= 20)))
);

CREATE VIEW assay.review_answers AS
 SELECT a.act_id AS answer_id,
    a.item_id,
    i.kind,
    i.application,
    i.market,
    i.query,
    i.listing_id,
    i.image_url,
    a.reviewer,
    a.grade,
    a.blind,
    a.at,
    (u.act_id IS NOT NULL) AS undone,
    i.decided
   FROM ((assay_data.review_acts a
     JOIN assay_data.review_items i ON ((i.item_id = a.item_id)))
     LEFT JOIN assay_data.review_acts u ON ((u.undoes = a.act_id)))
  WHERE (a.act = 'answer'::text);

COMMENT ON VIEW assay.review_answers IS 'What people answered in the review queue, a row an answer. blind: given before any judge''s label was shown; undone: taken back since; decided: the adjudicated grade, NULL where nobody had to decide.';

CREATE TABLE assay_data.shadow_labels (
    live_event_id uuid NOT NULL,
    judge text NOT NULL,
    content_key text NOT NULL,
    grade smallint NOT NULL,
    confidence double precision NOT NULL,
    reasoning text NOT NULL,
    verdicts text NOT NULL,
    model text NOT NULL,
    guideline_version text NOT NULL,
    judged_at timestamp with time zone NOT NULL,
    call_id uuid NOT NULL,
    CONSTRAINT shadow_labels_grade_check CHECK (((grade >= 0) AND (grade <= 2)))
);

CREATE VIEW assay.shadow_labels AS
 SELECT s.judge,
    l.judge AS live_judge,
    l.application,
    l.market,
    l.query,
    l.listing_id,
    s.grade,
    l.grade AS live_grade,
    s.confidence,
    l.confidence AS live_confidence,
    s.reasoning,
    l.reasoning AS live_reasoning,
    s.verdicts,
    s.model,
    s.guideline_version,
    s.judged_at,
    s.live_event_id,
    s.call_id
   FROM (assay_data.shadow_labels s
     JOIN assay_data.labels l ON ((l.event_id = s.live_event_id)));

COMMENT ON VIEW assay.shadow_labels IS 'What a candidate in the shadow said of a pair, beside the live label of the same pair with the same inputs.';

CREATE TABLE assay_data.shadow_scores (
    live_event_id uuid NOT NULL,
    judge text NOT NULL,
    content_key text NOT NULL,
    score smallint NOT NULL,
    aspects jsonb NOT NULL,
    reasoning text NOT NULL,
    model text NOT NULL,
    judged_at timestamp with time zone NOT NULL,
    call_id uuid,
    CONSTRAINT shadow_scores_score_check CHECK (((score >= 1) AND (score <= 10)))
);

CREATE VIEW assay.shadow_scores AS
 SELECT s.judge,
    i.judge AS live_judge,
    i.listing_id,
    i.image_url,
    i.image_hash,
    s.score,
    i.score AS live_score,
    s.aspects,
    s.reasoning,
    i.reasoning AS live_reasoning,
    s.model,
    s.judged_at,
    s.live_event_id,
    s.call_id
   FROM (assay_data.shadow_scores s
     JOIN assay_data.image_scores i ON ((i.event_id = s.live_event_id)));

COMMENT ON VIEW assay.shadow_scores IS 'What a candidate in the shadow said of a picture, beside the live score of the same picture of the same listing.';

CREATE VIEW assay.student_labels AS
 SELECT ((l.judged_at AT TIME ZONE 'UTC'::text))::date AS day,
    l.judged_at,
    COALESCE(i.market, ''::text) AS market,
    COALESCE(i.category, ''::text) AS category,
    s.prompt_version AS version,
    l.judge,
    COALESCE(t.why, ''::text) AS why,
    l.listing_id,
    l.image_url,
    l.image_hash,
    s.score AS student_score,
    s.spread,
    l.score,
    s.event_id AS student_event_id,
    l.event_id
   FROM (((assay_data.image_scores l
     CROSS JOIN LATERAL ( SELECT e.prompt_version,
            e.score,
            e.spread,
            e.event_id
           FROM assay_data.image_scores e
          WHERE ((e.listing_id = l.listing_id) AND (e.image_url = l.image_url) AND (e.image_hash = l.image_hash) AND (e.tier = 'student'::text) AND (e.id < l.id))
          ORDER BY e.id DESC
         LIMIT 1) s)
     LEFT JOIN assay_data.listings i ON ((i.listing_id = l.listing_id)))
     LEFT JOIN LATERAL ( SELECT (k.payload ->> 'why'::text) AS why
           FROM assay_data.tasks k
          WHERE ((k.kind = 'image_label'::text) AND ((k.subject ->> 'listing_id'::text) = l.listing_id) AND ((k.subject ->> 'image_url'::text) = l.image_url))
          ORDER BY k.created_at DESC
         LIMIT 1) t ON (true))
  WHERE ((l.tier = 'llm'::text) AND (l.alike_of = ''::text));

COMMENT ON VIEW assay.student_labels IS 'Every label of a picture that a student had scored before, beside that score. why: random (chosen by chance: what holds of these holds of all), unsure (the student was least sure of it), empty where nobody chose it.';

CREATE VIEW assay.student_agreement AS
 WITH each AS (
         SELECT p.day,
            p.market,
            p.category,
            p.version,
            x.why,
            p.student_score AS s,
            p.score AS l
           FROM (assay.student_labels p
             CROSS JOIN LATERAL ( VALUES (p.why), ('all'::text)) x(why))
          WHERE (x.why <> ''::text)
        ), ranked AS (
         SELECT each.day,
            each.market,
            each.category,
            each.version,
            each.why,
            each.s,
            each.l,
            ((rank() OVER (PARTITION BY each.day, each.market, each.category, each.version, each.why ORDER BY each.s))::numeric + (((count(*) OVER (PARTITION BY each.day, each.market, each.category, each.version, each.why, each.s) - 1))::numeric / 2.0)) AS rs,
            ((rank() OVER (PARTITION BY each.day, each.market, each.category, each.version, each.why ORDER BY each.l))::numeric + (((count(*) OVER (PARTITION BY each.day, each.market, each.category, each.version, each.why, each.l) - 1))::numeric / 2.0)) AS rl
           FROM each
        )
 SELECT day,
    market,
    category,
    version,
    why,
    (count(*))::integer AS pictures,
    corr((rs)::double precision, (rl)::double precision) AS rank_correlation,
    (avg((s - l)))::double precision AS mean_bias,
    (((1)::numeric - (avg(((s - l) * (s - l))) / NULLIF(((var_pop(s) + var_pop(l)) + ((avg(s) - avg(l)) ^ (2)::numeric)), (0)::numeric))))::double precision AS quadratic_kappa,
    (avg(((abs((s - l)) <= 1))::integer))::double precision AS within_one
   FROM ranked
  GROUP BY day, market, category, version, why;

COMMENT ON VIEW assay.student_agreement IS 'How student and judge agree on pictures labelled after the student''s score, by day of the label. why: random is the unbiased figure, unsure that of the hardest pictures, all every label. mean_bias: student minus judge, points. rank_correlation and quadratic_kappa NULL: not defined, such as of one picture.';

CREATE VIEW assay.student_deeds AS
 SELECT id,
    act,
    version,
    by,
    why,
    at
   FROM assay_data.student_deeds;

COMMENT ON VIEW assay.student_deeds IS 'Who promoted or rolled back which student, when and why. The newest names the live one; an empty version: none is live.';

CREATE TABLE assay_data.tier_reports (
    report_id uuid NOT NULL,
    subject text NOT NULL,
    told text NOT NULL,
    kind text NOT NULL,
    judge text NOT NULL,
    items integer NOT NULL,
    tiers jsonb NOT NULL,
    checks jsonb NOT NULL,
    habits jsonb NOT NULL,
    critic text NOT NULL,
    critic_prompt text NOT NULL,
    share double precision NOT NULL,
    cost_usd double precision NOT NULL,
    complete boolean NOT NULL,
    made_at timestamp with time zone NOT NULL,
    unchecked integer NOT NULL,
    CONSTRAINT tier_reports_kind_check CHECK ((kind = ANY (ARRAY['relevance'::text, 'image'::text])))
);

CREATE VIEW assay.tier_checks AS
 SELECT r.report_id,
    r.subject,
    r.told AS name,
    r.kind,
    r.judge,
    r.made_at,
    r.items,
    (c."row" ->> 'check'::text) AS check_name,
    ((c."row" ->> 'flagged'::text))::integer AS flagged,
    ((c."row" #>> '{by_critique,value}'::text[]))::double precision AS upheld_by_critique,
    ((c."row" #>> '{by_people,value}'::text[]))::double precision AS upheld_by_people
   FROM assay_data.tier_reports r,
    LATERAL jsonb_array_elements(r.checks) c("row");

COMMENT ON VIEW assay.tier_checks IS 'How many judgements each check of a report objects to, and of these the share that the critique, or people, let stand: the check''s false alarms. NULL where nobody looked.';

CREATE TABLE assay_data.tier_flagged (
    report_id uuid NOT NULL,
    place integer NOT NULL,
    key text NOT NULL,
    item_id text NOT NULL,
    query text NOT NULL,
    listing_id text NOT NULL,
    title text NOT NULL,
    grade smallint NOT NULL,
    reasoning text NOT NULL,
    findings jsonb NOT NULL,
    better smallint,
    why text NOT NULL,
    people smallint
);

CREATE VIEW assay.tier_findings AS
 SELECT f.report_id,
    r.subject,
    r.judge,
    f.item_id,
    f.query,
    f.listing_id,
    f.title,
    f.grade,
    f.reasoning,
    (n."row" ->> 'check'::text) AS check_name,
    (n."row" ->> 'why'::text) AS finding,
    f.better,
    f.why AS critique,
    f.people
   FROM ((assay_data.tier_flagged f
     JOIN assay_data.tier_reports r ON ((r.report_id = f.report_id)))
     LEFT JOIN LATERAL jsonb_array_elements(f.findings) n("row") ON (true));

COMMENT ON VIEW assay.tier_findings IS 'Judgements that a tier objects to, a row a finding of the checks (one with NULL where only a later tier objects). better: the critique''s grade where it is another; people: theirs.';

CREATE VIEW assay.tier_overturns AS
 SELECT r.report_id,
    r.subject,
    r.told AS name,
    r.kind,
    r.judge,
    r.made_at,
    (t."row" ->> 'tier'::text) AS tier,
    ((t."row" ->> 'seen'::text))::integer AS seen,
    ((t."row" ->> 'objected'::text))::integer AS objected,
    (o."row" ->> 'by'::text) AS by,
    ((o."row" #>> '{missed,n}'::text[]))::integer AS passed_seen,
    ((o."row" #>> '{missed,value}'::text[]))::double precision AS missed,
    ((o."row" #>> '{missed,low}'::text[]))::double precision AS missed_low,
    ((o."row" #>> '{missed,high}'::text[]))::double precision AS missed_high,
    ((o."row" #>> '{false_alarms,n}'::text[]))::integer AS objected_seen,
    ((o."row" #>> '{false_alarms,value}'::text[]))::double precision AS false_alarms,
    ((o."row" #>> '{false_alarms,low}'::text[]))::double precision AS false_alarms_low,
    ((o."row" #>> '{false_alarms,high}'::text[]))::double precision AS false_alarms_high
   FROM assay_data.tier_reports r,
    LATERAL jsonb_array_elements(r.tiers) t("row"),
    LATERAL jsonb_array_elements((t."row" -> 'overturned'::text)) o("row");

COMMENT ON VIEW assay.tier_overturns IS 'What a later tier (by) made of an earlier one (tier). missed: of what passed and the later tier saw, the share it changes; false_alarms: of what was objected to, the share it lets stand; each with its 95 % interval over queries, NULL where it saw none.';

CREATE TABLE assay_data.anchor_outcomes (
    anchor_id text NOT NULL,
    night date NOT NULL,
    grade smallint NOT NULL,
    model text NOT NULL,
    fingerprint text NOT NULL,
    call_id uuid NOT NULL,
    judged_at timestamp with time zone NOT NULL
);

CREATE TABLE assay_data.anchors (
    anchor_id text NOT NULL,
    application text NOT NULL,
    market text NOT NULL,
    language text NOT NULL,
    query text NOT NULL,
    listing jsonb NOT NULL,
    human_grade smallint NOT NULL,
    asked date,
    added_at timestamp with time zone NOT NULL
);

ALTER TABLE assay_data.audit ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME assay_data.audit_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE assay_data.buyer_pairs (
    day date NOT NULL,
    application text NOT NULL,
    market text NOT NULL,
    query_hash bigint NOT NULL,
    listing_id text NOT NULL,
    "position" smallint NOT NULL,
    impressions integer NOT NULL,
    clicks integer NOT NULL,
    CONSTRAINT buyer_pairs_position_check CHECK (("position" >= 1))
);

ALTER TABLE assay_data.canary_runs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME assay_data.canary_runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE UNLOGGED TABLE assay_data.claims (
    name text NOT NULL,
    holder uuid NOT NULL,
    until timestamp with time zone NOT NULL
);

CREATE TABLE assay_data.critiques (
    critique_key text NOT NULL,
    grade smallint NOT NULL,
    reason_holds boolean NOT NULL,
    why text NOT NULL,
    model text NOT NULL,
    prompt_version text NOT NULL,
    call_id uuid NOT NULL,
    made_at timestamp with time zone NOT NULL
);

CREATE TABLE assay_data.dead_letters_rest (
    run text,
    topic text CONSTRAINT dead_letters_topic_not_null NOT NULL,
    partition integer CONSTRAINT dead_letters_partition_not_null NOT NULL,
    "offset" bigint CONSTRAINT dead_letters_offset_not_null NOT NULL,
    reason text CONSTRAINT dead_letters_reason_not_null NOT NULL,
    detail text CONSTRAINT dead_letters_detail_not_null NOT NULL,
    payload bytea,
    received_at timestamp with time zone CONSTRAINT dead_letters_received_at_not_null NOT NULL,
    requeued_at timestamp with time zone,
    requeue_confirmed_at timestamp with time zone
);

CREATE TABLE assay_data.drift_nights (
    night date NOT NULL,
    frozen_at timestamp with time zone NOT NULL,
    done_at timestamp with time zone
);

CREATE TABLE assay_data.drift_states (
    night date NOT NULL,
    state bytea NOT NULL
);

CREATE TABLE assay_data.ended_sessions (
    session text NOT NULL,
    ends_at timestamp with time zone NOT NULL
);

ALTER TABLE assay_data.engine_lists ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME assay_data.engine_lists_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE assay_data.eval_datasets ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME assay_data.eval_datasets_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE assay_data.history_days (
    history text NOT NULL,
    day date NOT NULL,
    own boolean NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    emptied_at timestamp with time zone,
    CONSTRAINT history_days_history_check CHECK ((history = ANY (ARRAY['panes'::text, 'dead_letters'::text, 'llm_calls'::text])))
);

ALTER TABLE assay_data.image_scores ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME assay_data.image_scores_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE assay_data.image_watch_days (
    watch text NOT NULL,
    day date NOT NULL,
    looked_at timestamp with time zone NOT NULL
);

ALTER TABLE assay_data.judge_deeds ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME assay_data.judge_deeds_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE assay_data.labels ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME assay_data.labels_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE assay_data.llm_batch_items (
    call_id uuid NOT NULL,
    request_key text NOT NULL,
    is_current boolean DEFAULT true NOT NULL,
    state text NOT NULL,
    lane text NOT NULL,
    purpose text NOT NULL,
    model text NOT NULL,
    prompt_version text NOT NULL,
    prompt_hash text NOT NULL,
    subject jsonb NOT NULL,
    tasks uuid[] NOT NULL,
    body text,
    body_bytes integer NOT NULL,
    kept text NOT NULL,
    input_tokens bigint NOT NULL,
    tokens bigint NOT NULL,
    worst_usd numeric(20,12) NOT NULL,
    collected_at timestamp with time zone NOT NULL,
    deadline_at timestamp with time zone NOT NULL,
    batch_id uuid,
    http_status integer,
    answer text DEFAULT ''::text NOT NULL,
    ended_at timestamp with time zone,
    why text DEFAULT ''::text NOT NULL,
    free boolean DEFAULT true NOT NULL,
    settled boolean DEFAULT false NOT NULL,
    cost_usd numeric(20,12) DEFAULT 0 NOT NULL,
    live_usd numeric(20,12) DEFAULT 0 NOT NULL,
    wake_at timestamp with time zone,
    wakes smallint DEFAULT 0 NOT NULL,
    CONSTRAINT llm_batch_items_lane_check CHECK ((lane = ANY (ARRAY['live'::text, 'panel'::text, 'backfill'::text]))),
    CONSTRAINT llm_batch_items_state_check CHECK ((state = ANY (ARRAY['collected'::text, 'ordered'::text, 'answered'::text, 'live'::text])))
);

CREATE TABLE assay_data.llm_calls_rest (
    call_id uuid CONSTRAINT llm_calls_call_id_not_null NOT NULL,
    lane text CONSTRAINT llm_calls_lane_not_null NOT NULL,
    model text CONSTRAINT llm_calls_model_not_null NOT NULL,
    status text CONSTRAINT llm_calls_status_not_null NOT NULL,
    http_status integer,
    started_at timestamp with time zone CONSTRAINT llm_calls_started_at_not_null NOT NULL,
    latency_ms integer,
    input_tokens integer,
    cached_tokens integer,
    output_tokens integer,
    cost_usd numeric(20,12) CONSTRAINT llm_calls_cost_usd_not_null NOT NULL,
    purpose text CONSTRAINT llm_calls_purpose_not_null NOT NULL,
    subject jsonb CONSTRAINT llm_calls_subject_not_null NOT NULL,
    prompt_version text CONSTRAINT llm_calls_prompt_version_not_null NOT NULL,
    prompt_hash text CONSTRAINT llm_calls_prompt_hash_not_null NOT NULL,
    request jsonb,
    reply text DEFAULT ''::text CONSTRAINT llm_calls_reply_not_null NOT NULL,
    answered_by text DEFAULT ''::text CONSTRAINT llm_calls_answered_by_not_null NOT NULL,
    fingerprint text DEFAULT ''::text CONSTRAINT llm_calls_fingerprint_not_null NOT NULL,
    error text DEFAULT ''::text CONSTRAINT llm_calls_error_not_null NOT NULL,
    budget_day date CONSTRAINT llm_calls_budget_day_not_null NOT NULL,
    reserved_tokens bigint CONSTRAINT llm_calls_reserved_tokens_not_null NOT NULL,
    reserved_usd numeric(20,12) CONSTRAINT llm_calls_reserved_usd_not_null NOT NULL,
    endpoint text DEFAULT ''::text CONSTRAINT llm_calls_endpoint_not_null NOT NULL,
    tasks uuid[] DEFAULT '{}'::uuid[] CONSTRAINT llm_calls_tasks_not_null NOT NULL,
    price_version text DEFAULT ''::text CONSTRAINT llm_calls_price_version_not_null NOT NULL,
    batch boolean DEFAULT false CONSTRAINT llm_calls_batch_not_null NOT NULL,
    CONSTRAINT llm_calls_lane_check CHECK ((lane = ANY (ARRAY['live'::text, 'panel'::text, 'backfill'::text])))
);

CREATE TABLE assay_data.llm_holds (
    endpoint text NOT NULL,
    until double precision NOT NULL
);

CREATE TABLE assay_data.llm_prompts (
    prompt_hash text NOT NULL,
    prompt_version text NOT NULL,
    system text NOT NULL,
    first_used timestamp with time zone NOT NULL
);

CREATE TABLE assay_data.llm_shares (
    endpoint text NOT NULL,
    replica uuid NOT NULL,
    live double precision NOT NULL,
    panel double precision NOT NULL,
    backfill double precision NOT NULL,
    part double precision NOT NULL,
    in_flight integer NOT NULL,
    expires_at double precision NOT NULL,
    CONSTRAINT llm_shares_part_check CHECK (((part >= (0)::double precision) AND (part <= (1)::double precision)))
)
WITH (fillfactor='50');

COMMENT ON TABLE assay_data.llm_shares IS 'live, panel, backfill: what the replica could use of the limits in that lane, 1 being all of them';

CREATE TABLE assay_data.look_alike_marks (
    one boolean DEFAULT true NOT NULL,
    score_id bigint DEFAULT 0 NOT NULL,
    distance integer DEFAULT '-1'::integer NOT NULL,
    CONSTRAINT look_alike_marks_one_check CHECK (one)
);

CREATE TABLE assay_data.mode_labels (
    content_key text NOT NULL,
    application text NOT NULL,
    market text NOT NULL,
    query text NOT NULL,
    listing_id text NOT NULL,
    mode text NOT NULL,
    label text NOT NULL,
    confidence double precision NOT NULL,
    reasoning text NOT NULL,
    model text NOT NULL,
    call_id uuid NOT NULL,
    input_tokens double precision NOT NULL,
    output_tokens double precision NOT NULL,
    cost_usd double precision NOT NULL,
    judged_at timestamp with time zone NOT NULL,
    verdicts text DEFAULT ''::text NOT NULL,
    guideline_version text DEFAULT ''::text NOT NULL,
    prompt_version text DEFAULT ''::text NOT NULL,
    fingerprint text DEFAULT ''::text NOT NULL,
    latency_ms integer,
    CONSTRAINT mode_labels_label_check CHECK ((label = ANY (ARRAY['irrelevant'::text, 'acceptable_substitute'::text, 'highly_relevant'::text])))
);

CREATE TABLE assay_data.night_accounts (
    night date NOT NULL,
    segment text NOT NULL,
    gap integer NOT NULL,
    compared integer NOT NULL,
    replaced integer NOT NULL,
    edited integer NOT NULL,
    models text[] NOT NULL
);

CREATE TABLE assay_data.outbox (
    id bigint NOT NULL,
    event_id uuid NOT NULL,
    topic text NOT NULL,
    key text NOT NULL,
    type text NOT NULL,
    "time" timestamp with time zone NOT NULL,
    body bytea NOT NULL
);

ALTER TABLE assay_data.outbox ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME assay_data.outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE assay_data.panel_members (
    application text NOT NULL,
    market text NOT NULL,
    query text NOT NULL,
    added_at timestamp with time zone NOT NULL
);

CREATE TABLE assay_data.panel_slots (
    night date NOT NULL,
    application text NOT NULL,
    market text NOT NULL,
    language text NOT NULL,
    engine text NOT NULL,
    volume_band text NOT NULL,
    query text NOT NULL,
    weight double precision NOT NULL,
    rank integer NOT NULL,
    listing_id text NOT NULL,
    content_hash text NOT NULL,
    task_key text NOT NULL,
    grade smallint,
    label_key text,
    model_key text
);

CREATE TABLE assay_data.panes_rest (
    run text CONSTRAINT panes_run_not_null NOT NULL,
    application text CONSTRAINT panes_application_not_null NOT NULL,
    market text CONSTRAINT panes_market_not_null NOT NULL,
    query text CONSTRAINT panes_query_not_null NOT NULL,
    hour timestamp with time zone CONSTRAINT panes_hour_not_null NOT NULL,
    searches bigint CONSTRAINT panes_searches_not_null NOT NULL,
    sessions bigint CONSTRAINT panes_sessions_not_null NOT NULL,
    engaged bigint CONSTRAINT panes_engaged_not_null NOT NULL,
    reformulated bigint CONSTRAINT panes_reformulated_not_null NOT NULL,
    exits bigint CONSTRAINT panes_exits_not_null NOT NULL,
    zero_results bigint CONSTRAINT panes_zero_results_not_null NOT NULL
);

CREATE TABLE assay_data.picture_descriptions (
    image_hash text NOT NULL,
    prompt_version text NOT NULL,
    model text NOT NULL,
    description text NOT NULL
);

CREATE TABLE assay_data.picture_features (
    image_hash text NOT NULL,
    extractor text NOT NULL,
    features bytea NOT NULL
);

CREATE TABLE assay_data.picture_urls (
    url text NOT NULL,
    image_hash text NOT NULL,
    fetched_at timestamp with time zone NOT NULL,
    etag text DEFAULT ''::text NOT NULL,
    last_modified text DEFAULT ''::text NOT NULL
);

CREATE TABLE assay_data.pictures (
    image_hash text NOT NULL,
    media_type text NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    byte_size integer NOT NULL,
    measures jsonb NOT NULL,
    thumbnail bytea NOT NULL,
    first_seen timestamp with time zone NOT NULL,
    phash bigint
);

CREATE TABLE assay_data.query_accounts (
    night date NOT NULL,
    segment text NOT NULL,
    query text NOT NULL,
    weight double precision NOT NULL,
    mean_gain double precision,
    engine_step double precision NOT NULL,
    catalogue_step double precision NOT NULL,
    judge_step double precision NOT NULL,
    engine_sum double precision NOT NULL,
    catalogue_sum double precision NOT NULL,
    judge_sum double precision NOT NULL,
    compared integer NOT NULL,
    replaced integer NOT NULL,
    edited integer NOT NULL,
    rejudged integer NOT NULL,
    flipped integer NOT NULL,
    since date NOT NULL
);

CREATE TABLE assay_data.replay_sources (
    run text NOT NULL,
    source text NOT NULL,
    target text NOT NULL,
    partition integer NOT NULL,
    topic_id text DEFAULT ''::text NOT NULL,
    next bigint NOT NULL,
    end_offset bigint,
    digest text DEFAULT ''::text NOT NULL
);

CREATE TABLE assay_data.replays (
    run text NOT NULL,
    from_at timestamp with time zone,
    to_at timestamp with time zone,
    records bigint DEFAULT 0 NOT NULL,
    begun_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    promoted_at timestamp with time zone,
    asked jsonb,
    epoch bigint DEFAULT 0 NOT NULL,
    marks jsonb DEFAULT '[]'::jsonb NOT NULL,
    doubt_marks jsonb,
    ends jsonb DEFAULT '[]'::jsonb NOT NULL,
    missing bigint DEFAULT 0 NOT NULL,
    left_before boolean DEFAULT false NOT NULL,
    left_after boolean DEFAULT false NOT NULL,
    kept_from timestamp with time zone,
    covers_from timestamp with time zone,
    covers_to timestamp with time zone,
    updated_at timestamp with time zone,
    dropped_at timestamp with time zone
);

CREATE TABLE assay_data.result_lists (
    run text NOT NULL,
    application text NOT NULL,
    market text NOT NULL,
    query text NOT NULL,
    engine text NOT NULL,
    language text NOT NULL,
    hits text[] NOT NULL,
    seen_at timestamp with time zone NOT NULL
);

ALTER TABLE assay_data.review_acts ALTER COLUMN act_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME assay_data.review_acts_act_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE assay_data.review_opinions (
    item_id uuid NOT NULL,
    opinion_key text NOT NULL,
    judge text NOT NULL,
    content_key text NOT NULL,
    run_id uuid,
    dataset_item text NOT NULL,
    grade smallint NOT NULL,
    confidence double precision,
    reasoning text NOT NULL,
    verdicts text NOT NULL,
    aspects jsonb NOT NULL,
    call_id uuid,
    judged_at timestamp with time zone NOT NULL,
    shadow boolean NOT NULL
);

CREATE VIEW assay_data.review_answers AS
 SELECT a.act_id AS answer_id,
    a.item_id,
    i.kind,
    o.content_key,
    o.run_id,
    o.judge,
    o.dataset_item AS item,
    a.reviewer,
    a.grade,
    o.grade AS judge_grade,
    a.blind,
    a.note,
    a.at,
    (u.act_id IS NOT NULL) AS undone
   FROM (((assay_data.review_acts a
     JOIN assay_data.review_items i ON ((i.item_id = a.item_id)))
     LEFT JOIN assay_data.review_acts u ON ((u.undoes = a.act_id)))
     LEFT JOIN assay_data.review_opinions o ON ((o.item_id = a.item_id)))
  WHERE (a.act = 'answer'::text);

CREATE TABLE assay_data.review_draws (
    fill_id uuid NOT NULL,
    item_id uuid NOT NULL,
    drawn text NOT NULL,
    probability double precision NOT NULL,
    teaches double precision NOT NULL,
    why jsonb NOT NULL,
    CONSTRAINT review_draws_drawn_check CHECK ((drawn = ANY (ARRAY['random'::text, 'taught'::text]))),
    CONSTRAINT review_draws_probability_check CHECK (((probability > (0)::double precision) AND (probability <= (1)::double precision)))
);

CREATE TABLE assay_data.review_fills (
    fill_id uuid NOT NULL,
    kind text NOT NULL,
    source text NOT NULL,
    told text NOT NULL,
    frame integer NOT NULL,
    items integer NOT NULL,
    random_items integer NOT NULL,
    made_at timestamp with time zone NOT NULL,
    made_by text NOT NULL,
    CONSTRAINT review_fills_kind_check CHECK ((kind = ANY (ARRAY['relevance'::text, 'image'::text]))),
    CONSTRAINT review_fills_source_check CHECK ((source = ANY (ARRAY['run'::text, 'live'::text, 'drift'::text])))
);

CREATE UNLOGGED TABLE assay_data.review_leases (
    reviewer text NOT NULL,
    kind text NOT NULL,
    item_id uuid NOT NULL,
    until timestamp with time zone NOT NULL
);

ALTER TABLE assay_data.selections ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME assay_data.selections_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE assay_data.session_snapshots (
    topic text NOT NULL,
    partition integer NOT NULL,
    at_offset bigint NOT NULL,
    state bytea NOT NULL,
    taken_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY assay_data.session_snapshots ALTER COLUMN state SET STORAGE EXTERNAL;

CREATE TABLE assay_data.stream_partitions (
    topic text NOT NULL,
    partition integer NOT NULL,
    epoch bigint DEFAULT 0 NOT NULL,
    owner text DEFAULT ''::text NOT NULL,
    applied bigint DEFAULT '-1'::integer NOT NULL,
    turn bigint DEFAULT 0 NOT NULL,
    end_offset bigint DEFAULT 0 NOT NULL,
    open_sessions bigint DEFAULT 0 NOT NULL,
    watermark timestamp with time zone,
    updated_at timestamp with time zone NOT NULL,
    topic_id text,
    stopped text,
    stopped_detail text DEFAULT ''::text NOT NULL,
    stopped_at timestamp with time zone,
    pass_until bigint DEFAULT '-1'::integer NOT NULL,
    missing bigint DEFAULT 0 NOT NULL,
    CONSTRAINT stream_partitions_stopped_check CHECK ((stopped = ANY (ARRAY['flood'::text, 'topic_made_again'::text])))
);

ALTER TABLE assay_data.student_deeds ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME assay_data.student_deeds_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.assay_migrations (
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY assay_data.dead_letters ATTACH PARTITION assay_data.dead_letters_rest DEFAULT;

ALTER TABLE ONLY assay_data.llm_calls ATTACH PARTITION assay_data.llm_calls_rest DEFAULT;

ALTER TABLE ONLY assay_data.panes ATTACH PARTITION assay_data.panes_rest DEFAULT;

ALTER TABLE ONLY assay_data.alerts
    ADD CONSTRAINT alerts_pkey PRIMARY KEY (alert_id);

ALTER TABLE ONLY assay_data.anchor_outcomes
    ADD CONSTRAINT anchor_outcomes_pkey PRIMARY KEY (anchor_id, night);

ALTER TABLE ONLY assay_data.anchors
    ADD CONSTRAINT anchors_pkey PRIMARY KEY (anchor_id);

ALTER TABLE ONLY assay_data.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (number);

ALTER TABLE ONLY assay_data.buyer_agreement
    ADD CONSTRAINT buyer_agreement_pkey PRIMARY KEY (day, days, application, market, category, tier, measure, action);

ALTER TABLE ONLY assay_data.buyer_days
    ADD CONSTRAINT buyer_days_pkey PRIMARY KEY (day);

ALTER TABLE ONLY assay_data.buyer_exposures
    ADD CONSTRAINT buyer_exposures_pkey PRIMARY KEY (day, application, market, listing_id, "position");

ALTER TABLE ONLY assay_data.buyer_pairs
    ADD CONSTRAINT buyer_pairs_pkey PRIMARY KEY (day, application, market, query_hash, listing_id, "position");

ALTER TABLE ONLY assay_data.buyer_propensities
    ADD CONSTRAINT buyer_propensities_pkey PRIMARY KEY (day, application, market, "position");

ALTER TABLE ONLY assay_data.canary_outcomes
    ADD CONSTRAINT canary_outcomes_pkey PRIMARY KEY (run_id, case_id);

ALTER TABLE ONLY assay_data.canary_runs
    ADD CONSTRAINT canary_runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY assay_data.canary_runs
    ADD CONSTRAINT canary_runs_prompt_version_model_mode_set_version_key UNIQUE (prompt_version, model, mode, set_version);

ALTER TABLE ONLY assay_data.claims
    ADD CONSTRAINT claims_pkey PRIMARY KEY (name);

ALTER TABLE ONLY assay_data.critiques
    ADD CONSTRAINT critiques_pkey PRIMARY KEY (critique_key);

ALTER TABLE ONLY assay_data.dead_letters
    ADD CONSTRAINT dead_letters_pkey PRIMARY KEY (topic, partition, "offset", received_at);

ALTER TABLE ONLY assay_data.dead_letters_rest
    ADD CONSTRAINT dead_letters_rest_pkey PRIMARY KEY (topic, partition, "offset", received_at);

ALTER TABLE ONLY assay_data.drift_nights
    ADD CONSTRAINT drift_nights_pkey PRIMARY KEY (night);

ALTER TABLE ONLY assay_data.drift_states
    ADD CONSTRAINT drift_states_pkey PRIMARY KEY (night);

ALTER TABLE ONLY assay_data.ended_sessions
    ADD CONSTRAINT ended_sessions_pkey PRIMARY KEY (session);

ALTER TABLE ONLY assay_data.engine_comparisons
    ADD CONSTRAINT engine_comparisons_pkey PRIMARY KEY (run_id);

ALTER TABLE ONLY assay_data.engine_lists
    ADD CONSTRAINT engine_lists_pkey PRIMARY KEY (id);

ALTER TABLE ONLY assay_data.engine_measures
    ADD CONSTRAINT engine_measures_pkey PRIMARY KEY (run_id, engine, measure);

ALTER TABLE ONLY assay_data.engine_query_figures
    ADD CONSTRAINT engine_query_figures_pkey PRIMARY KEY (run_id, engine, application, market, query);

ALTER TABLE ONLY assay_data.eval_datasets
    ADD CONSTRAINT eval_datasets_name_version_key UNIQUE (name, version);

ALTER TABLE ONLY assay_data.eval_datasets
    ADD CONSTRAINT eval_datasets_pkey PRIMARY KEY (id);

ALTER TABLE ONLY assay_data.eval_items
    ADD CONSTRAINT eval_items_pkey PRIMARY KEY (dataset, "position");

ALTER TABLE ONLY assay_data.eval_results
    ADD CONSTRAINT eval_results_pkey PRIMARY KEY (run_id, judge, item_id);

ALTER TABLE ONLY assay_data.eval_runs
    ADD CONSTRAINT eval_runs_pkey PRIMARY KEY (run_id);

ALTER TABLE ONLY assay_data.gates
    ADD CONSTRAINT gates_pkey PRIMARY KEY (gate_id);

ALTER TABLE ONLY assay_data.guidelines
    ADD CONSTRAINT guidelines_pkey PRIMARY KEY (market, query, language, context, revision);

ALTER TABLE ONLY assay_data.guidelines
    ADD CONSTRAINT guidelines_version UNIQUE (market, query, version, language, context);

ALTER TABLE ONLY assay_data.history_days
    ADD CONSTRAINT history_days_pkey PRIMARY KEY (history, day);

ALTER TABLE ONLY assay_data.image_alerts
    ADD CONSTRAINT image_alerts_pkey PRIMARY KEY (alert_id);

ALTER TABLE ONLY assay_data.image_scores
    ADD CONSTRAINT image_scores_content_key_key UNIQUE (content_key);

ALTER TABLE ONLY assay_data.image_scores
    ADD CONSTRAINT image_scores_event_id_key UNIQUE (event_id);

ALTER TABLE ONLY assay_data.image_scores
    ADD CONSTRAINT image_scores_pkey PRIMARY KEY (id);

ALTER TABLE ONLY assay_data.image_watch_days
    ADD CONSTRAINT image_watch_days_pkey PRIMARY KEY (watch, day);

ALTER TABLE ONLY assay_data.judge_deeds
    ADD CONSTRAINT judge_deeds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY assay_data.judges
    ADD CONSTRAINT judges_pkey PRIMARY KEY (version);

ALTER TABLE ONLY assay_data.labels
    ADD CONSTRAINT labels_content_key_key UNIQUE (content_key);

ALTER TABLE ONLY assay_data.labels
    ADD CONSTRAINT labels_event_id_key UNIQUE (event_id);

ALTER TABLE ONLY assay_data.labels
    ADD CONSTRAINT labels_pkey PRIMARY KEY (id);

ALTER TABLE ONLY assay_data.listings
    ADD CONSTRAINT listings_pkey PRIMARY KEY (listing_id);

ALTER TABLE ONLY assay_data.llm_batch_items
    ADD CONSTRAINT llm_batch_items_pkey PRIMARY KEY (call_id);

ALTER TABLE ONLY assay_data.llm_batches
    ADD CONSTRAINT llm_batches_pkey PRIMARY KEY (batch_id);

ALTER TABLE ONLY assay_data.llm_breakers
    ADD CONSTRAINT llm_breakers_pkey PRIMARY KEY (replica, endpoint, model);

ALTER TABLE ONLY assay_data.llm_calls
    ADD CONSTRAINT llm_calls_pkey PRIMARY KEY (call_id, started_at);

ALTER TABLE ONLY assay_data.llm_calls_rest
    ADD CONSTRAINT llm_calls_rest_pkey PRIMARY KEY (call_id, started_at);

ALTER TABLE ONLY assay_data.llm_costs
    ADD CONSTRAINT llm_costs_pkey PRIMARY KEY (day, application, market, language, lane, purpose, model, price_version, batch, status);

ALTER TABLE ONLY assay_data.llm_holds
    ADD CONSTRAINT llm_holds_pkey PRIMARY KEY (endpoint);

ALTER TABLE ONLY assay_data.llm_prompts
    ADD CONSTRAINT llm_prompts_pkey PRIMARY KEY (prompt_hash);

ALTER TABLE ONLY assay_data.llm_reservations
    ADD CONSTRAINT llm_reservations_pkey PRIMARY KEY (call_id);

ALTER TABLE ONLY assay_data.llm_shares
    ADD CONSTRAINT llm_shares_pkey PRIMARY KEY (endpoint, replica);

ALTER TABLE ONLY assay_data.llm_spend
    ADD CONSTRAINT llm_spend_pkey1 PRIMARY KEY (day, lane);

ALTER TABLE ONLY assay_data.look_alike_marks
    ADD CONSTRAINT look_alike_marks_pkey PRIMARY KEY (one);

ALTER TABLE ONLY assay_data.mode_labels
    ADD CONSTRAINT mode_labels_pkey PRIMARY KEY (content_key);

ALTER TABLE ONLY assay_data.night_accounts
    ADD CONSTRAINT night_accounts_pkey PRIMARY KEY (night, segment);

ALTER TABLE ONLY assay_data.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);

ALTER TABLE ONLY assay_data.panel_members
    ADD CONSTRAINT panel_members_pkey PRIMARY KEY (application, market, query);

ALTER TABLE ONLY assay_data.panel_slots
    ADD CONSTRAINT panel_slots_pkey PRIMARY KEY (night, application, market, engine, query, rank);

ALTER TABLE ONLY assay_data.panes
    ADD CONSTRAINT panes_pkey PRIMARY KEY (run, application, market, query, hour);

ALTER TABLE ONLY assay_data.panes_rest
    ADD CONSTRAINT panes_rest_pkey PRIMARY KEY (run, application, market, query, hour);

ALTER TABLE ONLY assay_data.phash_groups
    ADD CONSTRAINT phash_groups_pkey PRIMARY KEY (first_phash, phash);

ALTER TABLE ONLY assay_data.picture_descriptions
    ADD CONSTRAINT picture_descriptions_pkey PRIMARY KEY (image_hash, prompt_version, model);

ALTER TABLE ONLY assay_data.picture_features
    ADD CONSTRAINT picture_features_pkey PRIMARY KEY (image_hash, extractor);

ALTER TABLE ONLY assay_data.picture_sightings
    ADD CONSTRAINT picture_sightings_pkey PRIMARY KEY (listing_id, image_url, image_hash);

ALTER TABLE ONLY assay_data.picture_urls
    ADD CONSTRAINT picture_urls_pkey PRIMARY KEY (url);

ALTER TABLE ONLY assay_data.pictures
    ADD CONSTRAINT pictures_pkey PRIMARY KEY (image_hash);

ALTER TABLE ONLY assay_data.query_accounts
    ADD CONSTRAINT query_accounts_pkey PRIMARY KEY (night, segment, query);

ALTER TABLE ONLY assay_data.replay_sources
    ADD CONSTRAINT replay_sources_pkey PRIMARY KEY (run, source, partition);

ALTER TABLE ONLY assay_data.replays
    ADD CONSTRAINT replays_pkey PRIMARY KEY (run);

ALTER TABLE ONLY assay_data.replicas
    ADD CONSTRAINT replicas_pkey PRIMARY KEY (name);

ALTER TABLE ONLY assay_data.result_lists
    ADD CONSTRAINT result_lists_pkey PRIMARY KEY (run, application, market, query, engine);

ALTER TABLE ONLY assay_data.review_acts
    ADD CONSTRAINT review_acts_pkey PRIMARY KEY (act_id);

ALTER TABLE ONLY assay_data.review_acts
    ADD CONSTRAINT review_acts_undoes_key UNIQUE (undoes);

ALTER TABLE ONLY assay_data.review_draws
    ADD CONSTRAINT review_draws_pkey PRIMARY KEY (fill_id, item_id);

ALTER TABLE ONLY assay_data.review_fills
    ADD CONSTRAINT review_fills_pkey PRIMARY KEY (fill_id);

ALTER TABLE ONLY assay_data.review_items
    ADD CONSTRAINT review_items_pkey PRIMARY KEY (item_id);

ALTER TABLE ONLY assay_data.review_leases
    ADD CONSTRAINT review_leases_pkey PRIMARY KEY (reviewer, kind);

ALTER TABLE ONLY assay_data.review_opinions
    ADD CONSTRAINT review_opinions_pkey PRIMARY KEY (item_id, opinion_key);

ALTER TABLE ONLY assay_data.selections
    ADD CONSTRAINT selections_pkey PRIMARY KEY (id);

ALTER TABLE ONLY assay_data.session_snapshots
    ADD CONSTRAINT session_snapshots_pkey PRIMARY KEY (topic, partition);

ALTER TABLE ONLY assay_data.shadow_labels
    ADD CONSTRAINT shadow_labels_pkey PRIMARY KEY (live_event_id, judge);

ALTER TABLE ONLY assay_data.shadow_scores
    ADD CONSTRAINT shadow_scores_pkey PRIMARY KEY (live_event_id, judge);

ALTER TABLE ONLY assay_data.stream_partitions
    ADD CONSTRAINT stream_partitions_pkey PRIMARY KEY (topic, partition);

ALTER TABLE ONLY assay_data.student_deeds
    ADD CONSTRAINT student_deeds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY assay_data.students
    ADD CONSTRAINT students_pkey PRIMARY KEY (version);

ALTER TABLE assay_data.tasks
    ADD CONSTRAINT tasks_kind_check CHECK ((kind = ANY (ARRAY['relevance'::text, 'image'::text, 'image_label'::text, 'anchor'::text, 'shadow'::text, 'shadow_image'::text]))) NOT VALID;

ALTER TABLE ONLY assay_data.tasks
    ADD CONSTRAINT tasks_pkey PRIMARY KEY (task_id);

ALTER TABLE ONLY assay_data.tier_flagged
    ADD CONSTRAINT tier_flagged_pkey PRIMARY KEY (report_id, place);

ALTER TABLE ONLY assay_data.tier_reports
    ADD CONSTRAINT tier_reports_pkey PRIMARY KEY (report_id);

ALTER TABLE ONLY public.assay_migrations
    ADD CONSTRAINT assay_migrations_pkey PRIMARY KEY (name);

CREATE INDEX alerts_by_time ON assay_data.alerts USING btree (detected_at);

CREATE INDEX anchor_outcomes_by_call ON assay_data.anchor_outcomes USING btree (call_id);

CREATE INDEX anchor_outcomes_by_night ON assay_data.anchor_outcomes USING btree (night);

CREATE INDEX audit_act ON assay_data.audit USING btree (act text_pattern_ops, number);

CREATE INDEX audit_who ON assay_data.audit USING btree (who, number);

CREATE INDEX buyer_agreement_overall ON assay_data.buyer_agreement USING btree (day, days, measure) WHERE (category = ''::text);

CREATE INDEX buyer_exposures_by_listing ON assay_data.buyer_exposures USING btree (listing_id, day);

CREATE INDEX dead_letters_by_time ON ONLY assay_data.dead_letters USING btree (received_at);

CREATE INDEX dead_letters_rest_received_at_idx ON assay_data.dead_letters_rest USING btree (received_at);

CREATE INDEX engine_comparisons_by_time ON assay_data.engine_comparisons USING btree (compared_at);

CREATE INDEX engine_lists_by_query ON assay_data.engine_lists USING btree (application, market, query, engine, fetched_at DESC);

CREATE UNIQUE INDEX eval_items_by_id ON assay_data.eval_items USING btree (dataset, item_id);

CREATE INDEX eval_items_by_listing ON assay_data.eval_items USING btree (listing_id);

CREATE INDEX eval_results_by_call ON assay_data.eval_results USING btree (call_id);

CREATE INDEX eval_results_by_content ON assay_data.eval_results USING btree (content_key) WHERE ((failure = ''::text) AND (NOT reused));

CREATE INDEX eval_results_by_item ON assay_data.eval_results USING btree (item_id);

CREATE INDEX eval_results_reused ON assay_data.eval_results USING btree (content_key) WHERE reused;

CREATE INDEX eval_runs_by_name ON assay_data.eval_runs USING btree (name, started_at DESC);

CREATE INDEX eval_runs_by_time ON assay_data.eval_runs USING btree (started_at DESC);

CREATE INDEX gates_by_judge ON assay_data.gates USING btree (judge, dataset_name, checked_at DESC);

CREATE INDEX gates_by_time ON assay_data.gates USING btree (checked_at DESC);

CREATE UNIQUE INDEX guidelines_one_a_prompt ON assay_data.guidelines USING btree (market, query, language, context, prompt_version, model) WHERE (author = 'model'::text);

CREATE INDEX image_alerts_by_time ON assay_data.image_alerts USING btree (detected_at);

CREATE INDEX image_scores_by_call ON assay_data.image_scores USING btree (call_id);

CREATE INDEX image_scores_by_picture ON assay_data.image_scores USING btree (image_hash, prompt_version, model);

CREATE INDEX image_scores_by_score ON assay_data.image_scores USING btree (score, judged_at DESC, id DESC);

CREATE INDEX image_scores_by_time ON assay_data.image_scores USING btree (judged_at);

CREATE INDEX image_scores_flagged ON assay_data.image_scores USING btree (score, judged_at DESC, id DESC) WHERE (flags <> '{}'::text[]);

CREATE INDEX image_scores_labelled ON assay_data.image_scores USING btree ((((judged_at AT TIME ZONE 'UTC'::text))::date)) WHERE (tier = 'llm'::text);

CREATE INDEX image_scores_newest ON assay_data.image_scores USING btree (listing_id, image_url, judged_at DESC, id DESC) INCLUDE (score, tier, judge, flags, image_hash);

CREATE INDEX judge_deeds_live ON assay_data.judge_deeds USING btree (id DESC) WHERE (act = ANY (ARRAY['promote'::text, 'rollback'::text]));

CREATE INDEX judge_deeds_of_version ON assay_data.judge_deeds USING btree (version, id DESC);

CREATE INDEX judges_by_name ON assay_data.judges USING btree (name, added_at DESC);

CREATE INDEX labels_by_call ON assay_data.labels USING btree (call_id);

CREATE INDEX labels_by_listing ON assay_data.labels USING btree (listing_id);

CREATE INDEX labels_by_time ON assay_data.labels USING btree (judged_at);

CREATE INDEX labels_newest ON assay_data.labels USING btree (application, market, query, listing_id, judged_at DESC, id DESC);

CREATE INDEX listings_by_segment ON assay_data.listings USING btree (market, COALESCE(category, ''::text));

CREATE INDEX listings_by_told_at ON assay_data.listings USING btree (told_at);

CREATE INDEX listings_segments ON assay_data.listings USING btree (listing_id) INCLUDE (market, category);

CREATE INDEX llm_batch_items_batch ON assay_data.llm_batch_items USING btree (batch_id, call_id) WHERE (batch_id IS NOT NULL);

CREATE INDEX llm_batch_items_collected ON assay_data.llm_batch_items USING btree (lane, model, collected_at) WHERE (state = 'collected'::text);

CREATE INDEX llm_batch_items_due ON assay_data.llm_batch_items USING btree (deadline_at) WHERE (state = ANY (ARRAY['collected'::text, 'ordered'::text]));

CREATE INDEX llm_batch_items_ended ON assay_data.llm_batch_items USING btree (ended_at) WHERE (ended_at IS NOT NULL);

CREATE UNIQUE INDEX llm_batch_items_key ON assay_data.llm_batch_items USING btree (request_key) WHERE is_current;

CREATE INDEX llm_batch_items_wake ON assay_data.llm_batch_items USING btree (wake_at) WHERE (wake_at IS NOT NULL);

CREATE INDEX llm_batches_by_time ON assay_data.llm_batches USING btree (created_at);

CREATE INDEX llm_batches_open ON assay_data.llm_batches USING btree (next_look_at) WHERE (state <> 'ended'::text);

CREATE INDEX llm_calls_by_judge ON ONLY assay_data.llm_calls USING btree (((subject ->> 'judge'::text)), started_at);

CREATE INDEX llm_calls_by_query ON ONLY assay_data.llm_calls USING btree (((subject ->> 'query'::text)), started_at);

CREATE INDEX llm_calls_by_run ON ONLY assay_data.llm_calls USING btree (((subject ->> 'eval_run'::text)), started_at) WHERE ((subject ->> 'eval_run'::text) IS NOT NULL);

CREATE INDEX llm_calls_by_task ON ONLY assay_data.llm_calls USING gin (tasks);

CREATE INDEX llm_calls_by_time ON ONLY assay_data.llm_calls USING btree (started_at);

CREATE INDEX llm_calls_rest_expr_started_at_idx ON assay_data.llm_calls_rest USING btree (((subject ->> 'query'::text)), started_at);

CREATE INDEX llm_calls_rest_expr_started_at_idx1 ON assay_data.llm_calls_rest USING btree (((subject ->> 'judge'::text)), started_at);

CREATE INDEX llm_calls_rest_expr_started_at_idx2 ON assay_data.llm_calls_rest USING btree (((subject ->> 'eval_run'::text)), started_at) WHERE ((subject ->> 'eval_run'::text) IS NOT NULL);

CREATE INDEX llm_calls_rest_started_at_idx ON assay_data.llm_calls_rest USING btree (started_at);

CREATE INDEX llm_calls_rest_tasks_idx ON assay_data.llm_calls_rest USING gin (tasks);

CREATE INDEX llm_reservations_expiry ON assay_data.llm_reservations USING btree (expires_at);

CREATE INDEX mode_labels_of_pair ON assay_data.mode_labels USING btree (application, market, query, listing_id);

CREATE INDEX panes_newest ON ONLY assay_data.panes USING btree (run, application, hour);

CREATE INDEX panes_rest_by_hour ON assay_data.panes_rest USING btree (hour);

CREATE INDEX panes_rest_run_application_hour_idx ON assay_data.panes_rest USING btree (run, application, hour);

CREATE INDEX phash_groups_by_bands ON assay_data.phash_groups USING gin (assay_data.phash_bands(phash)) WITH (fastupdate=off);

CREATE INDEX phash_groups_by_hash ON assay_data.phash_groups USING btree (phash);

CREATE INDEX phash_groups_crossed ON assay_data.phash_groups USING btree (first_phash) WHERE crossed;

CREATE INDEX picture_sightings_by_hash ON assay_data.picture_sightings USING btree (phash, first_seen, listing_id, image_url);

CREATE INDEX picture_sightings_by_picture ON assay_data.picture_sightings USING btree (image_hash);

CREATE INDEX picture_sightings_new ON assay_data.picture_sightings USING btree (first_seen) WHERE (NOT grouped);

CREATE INDEX pictures_by_bands ON assay_data.pictures USING gin (assay_data.phash_bands(phash)) WITH (fastupdate=off) WHERE (phash IS NOT NULL);

CREATE INDEX pictures_by_phash ON assay_data.pictures USING btree (phash, first_seen) WHERE (phash IS NOT NULL);

CREATE INDEX review_acts_of_item ON assay_data.review_acts USING btree (item_id, act_id);

CREATE INDEX review_acts_of_reviewer ON assay_data.review_acts USING btree (reviewer, at, act_id) WHERE (act = ANY (ARRAY['answer'::text, 'skip'::text]));

CREATE INDEX review_draws_of_item ON assay_data.review_draws USING btree (item_id);

CREATE INDEX review_fills_newest ON assay_data.review_fills USING btree (made_at DESC);

CREATE INDEX review_items_disputed ON assay_data.review_items USING btree (kind, place, item_id) WHERE disputed;

CREATE INDEX review_items_of ON assay_data.review_items USING btree (application, market, query, listing_id);

CREATE INDEX review_items_queue ON assay_data.review_items USING btree (kind, place, item_id) WHERE open;

CREATE INDEX review_leases_of_item ON assay_data.review_leases USING btree (item_id);

CREATE INDEX review_opinions_by_label ON assay_data.review_opinions USING btree (content_key);

CREATE INDEX selections_of_query ON assay_data.selections USING btree (application, market, query, reason, selected_at DESC);

CREATE INDEX shadow_labels_by_call ON assay_data.shadow_labels USING btree (call_id);

CREATE INDEX shadow_labels_newest ON assay_data.shadow_labels USING btree (judge, judged_at DESC);

CREATE INDEX shadow_scores_by_call ON assay_data.shadow_scores USING btree (call_id);

CREATE INDEX shadow_scores_newest ON assay_data.shadow_scores USING btree (judge, judged_at DESC);

CREATE INDEX students_by_name ON assay_data.students USING btree (name, trained_at DESC);

CREATE INDEX tasks_by_key ON assay_data.tasks USING btree (task_key);

CREATE INDEX tasks_by_listing ON assay_data.tasks USING btree (((subject ->> 'listing_id'::text)));

CREATE INDEX tasks_failed_pictures ON assay_data.tasks USING btree (finished_at DESC) WHERE ((state = 'failed'::text) AND (kind = ANY (ARRAY['image'::text, 'image_label'::text])));

CREATE INDEX tasks_finished ON assay_data.tasks USING btree (finished_at) WHERE (state = ANY (ARRAY['done'::text, 'failed'::text]));

CREATE INDEX tasks_group ON assay_data.tasks USING btree (group_key) WHERE (state = ANY (ARRAY['waiting'::text, 'running'::text]));

CREATE INDEX tasks_order ON assay_data.tasks USING btree (kind, lane_rank, priority DESC, created_at, task_id) WHERE (state = ANY (ARRAY['waiting'::text, 'running'::text]));

CREATE INDEX tasks_retried_pictures ON assay_data.tasks USING btree (not_before) WHERE ((state = 'waiting'::text) AND (reason <> ''::text) AND (kind = ANY (ARRAY['image'::text, 'image_label'::text])));

CREATE INDEX tasks_with_listing ON assay_data.tasks USING btree (group_key) WHERE ((kind = 'relevance'::text) AND (payload ? 'listing'::text));

CREATE INDEX tier_reports_newest ON assay_data.tier_reports USING btree (made_at DESC);

CREATE INDEX tier_reports_of ON assay_data.tier_reports USING btree (subject, judge, made_at DESC);

ALTER INDEX assay_data.dead_letters_pkey ATTACH PARTITION assay_data.dead_letters_rest_pkey;

ALTER INDEX assay_data.dead_letters_by_time ATTACH PARTITION assay_data.dead_letters_rest_received_at_idx;

ALTER INDEX assay_data.llm_calls_by_query ATTACH PARTITION assay_data.llm_calls_rest_expr_started_at_idx;

ALTER INDEX assay_data.llm_calls_by_judge ATTACH PARTITION assay_data.llm_calls_rest_expr_started_at_idx1;

ALTER INDEX assay_data.llm_calls_by_run ATTACH PARTITION assay_data.llm_calls_rest_expr_started_at_idx2;

ALTER INDEX assay_data.llm_calls_pkey ATTACH PARTITION assay_data.llm_calls_rest_pkey;

ALTER INDEX assay_data.llm_calls_by_time ATTACH PARTITION assay_data.llm_calls_rest_started_at_idx;

ALTER INDEX assay_data.llm_calls_by_task ATTACH PARTITION assay_data.llm_calls_rest_tasks_idx;

ALTER INDEX assay_data.panes_pkey ATTACH PARTITION assay_data.panes_rest_pkey;

ALTER INDEX assay_data.panes_newest ATTACH PARTITION assay_data.panes_rest_run_application_hour_idx;

CREATE TRIGGER audit_stays BEFORE DELETE OR UPDATE OR TRUNCATE ON assay_data.audit FOR EACH STATEMENT EXECUTE FUNCTION assay_data.audit_stays();

ALTER TABLE ONLY assay_data.anchor_outcomes
    ADD CONSTRAINT anchor_outcomes_anchor_id_fkey FOREIGN KEY (anchor_id) REFERENCES assay_data.anchors(anchor_id);

ALTER TABLE ONLY assay_data.buyer_agreement
    ADD CONSTRAINT buyer_agreement_day_fkey FOREIGN KEY (day) REFERENCES assay_data.buyer_days(day) ON DELETE CASCADE;

ALTER TABLE ONLY assay_data.buyer_exposures
    ADD CONSTRAINT buyer_exposures_day_fkey FOREIGN KEY (day) REFERENCES assay_data.buyer_days(day) ON DELETE CASCADE;

ALTER TABLE ONLY assay_data.buyer_pairs
    ADD CONSTRAINT buyer_pairs_day_fkey FOREIGN KEY (day) REFERENCES assay_data.buyer_days(day) ON DELETE CASCADE;

ALTER TABLE ONLY assay_data.buyer_propensities
    ADD CONSTRAINT buyer_propensities_day_fkey FOREIGN KEY (day) REFERENCES assay_data.buyer_days(day) ON DELETE CASCADE;

ALTER TABLE ONLY assay_data.canary_outcomes
    ADD CONSTRAINT canary_outcomes_run_id_fkey FOREIGN KEY (run_id) REFERENCES assay_data.canary_runs(id) ON DELETE CASCADE;

ALTER TABLE ONLY assay_data.drift_states
    ADD CONSTRAINT drift_states_night_fkey FOREIGN KEY (night) REFERENCES assay_data.drift_nights(night) ON DELETE CASCADE;

ALTER TABLE ONLY assay_data.engine_measures
    ADD CONSTRAINT engine_measures_run_id_fkey FOREIGN KEY (run_id) REFERENCES assay_data.engine_comparisons(run_id) ON DELETE CASCADE;

ALTER TABLE ONLY assay_data.engine_query_figures
    ADD CONSTRAINT engine_query_figures_run_id_fkey FOREIGN KEY (run_id) REFERENCES assay_data.engine_comparisons(run_id) ON DELETE CASCADE;

ALTER TABLE ONLY assay_data.eval_items
    ADD CONSTRAINT eval_items_dataset_fkey FOREIGN KEY (dataset) REFERENCES assay_data.eval_datasets(id) ON DELETE CASCADE;

ALTER TABLE ONLY assay_data.eval_results
    ADD CONSTRAINT eval_results_run_id_fkey FOREIGN KEY (run_id) REFERENCES assay_data.eval_runs(run_id) ON DELETE CASCADE;

ALTER TABLE ONLY assay_data.llm_batch_items
    ADD CONSTRAINT llm_batch_items_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES assay_data.llm_batches(batch_id);

ALTER TABLE ONLY assay_data.night_accounts
    ADD CONSTRAINT night_accounts_night_fkey FOREIGN KEY (night) REFERENCES assay_data.drift_nights(night) ON DELETE CASCADE;

ALTER TABLE ONLY assay_data.panel_slots
    ADD CONSTRAINT panel_slots_night_fkey FOREIGN KEY (night) REFERENCES assay_data.drift_nights(night) ON DELETE CASCADE;

ALTER TABLE ONLY assay_data.picture_features
    ADD CONSTRAINT picture_features_image_hash_fkey FOREIGN KEY (image_hash) REFERENCES assay_data.pictures(image_hash) ON DELETE CASCADE;

ALTER TABLE ONLY assay_data.picture_sightings
    ADD CONSTRAINT picture_sightings_image_hash_fkey FOREIGN KEY (image_hash) REFERENCES assay_data.pictures(image_hash) ON DELETE CASCADE;

ALTER TABLE ONLY assay_data.picture_urls
    ADD CONSTRAINT picture_urls_image_hash_fkey FOREIGN KEY (image_hash) REFERENCES assay_data.pictures(image_hash);

ALTER TABLE ONLY assay_data.query_accounts
    ADD CONSTRAINT query_accounts_night_segment_fkey FOREIGN KEY (night, segment) REFERENCES assay_data.night_accounts(night, segment) ON DELETE CASCADE;

ALTER TABLE ONLY assay_data.replay_sources
    ADD CONSTRAINT replay_sources_run_fkey FOREIGN KEY (run) REFERENCES assay_data.replays(run) ON DELETE CASCADE;

ALTER TABLE ONLY assay_data.review_acts
    ADD CONSTRAINT review_acts_item_id_fkey FOREIGN KEY (item_id) REFERENCES assay_data.review_items(item_id);

ALTER TABLE ONLY assay_data.review_acts
    ADD CONSTRAINT review_acts_undoes_fkey FOREIGN KEY (undoes) REFERENCES assay_data.review_acts(act_id);

ALTER TABLE ONLY assay_data.review_draws
    ADD CONSTRAINT review_draws_fill_id_fkey FOREIGN KEY (fill_id) REFERENCES assay_data.review_fills(fill_id) ON DELETE CASCADE;

ALTER TABLE ONLY assay_data.review_draws
    ADD CONSTRAINT review_draws_item_id_fkey FOREIGN KEY (item_id) REFERENCES assay_data.review_items(item_id);

ALTER TABLE ONLY assay_data.review_opinions
    ADD CONSTRAINT review_opinions_item_id_fkey FOREIGN KEY (item_id) REFERENCES assay_data.review_items(item_id);

ALTER TABLE ONLY assay_data.shadow_labels
    ADD CONSTRAINT shadow_labels_live_event_id_fkey FOREIGN KEY (live_event_id) REFERENCES assay_data.labels(event_id) ON DELETE CASCADE;

ALTER TABLE ONLY assay_data.shadow_scores
    ADD CONSTRAINT shadow_scores_live_event_id_fkey FOREIGN KEY (live_event_id) REFERENCES assay_data.image_scores(event_id) ON DELETE CASCADE;

ALTER TABLE ONLY assay_data.tier_flagged
    ADD CONSTRAINT tier_flagged_report_id_fkey FOREIGN KEY (report_id) REFERENCES assay_data.tier_reports(report_id) ON DELETE CASCADE;
