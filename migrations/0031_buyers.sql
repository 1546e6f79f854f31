-- What buyers did with listings, by the place they were shown in, a day at a time (docs/buyers.md): sums alone, no shopper,
-- no query's text. A day is written whole and replaces itself.
CREATE TABLE assay_data.buyer_days (
    day date PRIMARY KEY,
    read_at timestamptz NOT NULL,
    is_whole boolean NOT NULL,
    searches bigint NOT NULL,
    impressions bigint NOT NULL,
    automated bigint NOT NULL,
    unmatched bigint NOT NULL,
    note text NOT NULL
);

CREATE TABLE assay_data.buyer_exposures (
    day date NOT NULL REFERENCES assay_data.buyer_days ON DELETE CASCADE,
    application text NOT NULL,
    market text NOT NULL,
    listing_id text NOT NULL,
    position smallint NOT NULL CHECK (position >= 1),
    impressions integer NOT NULL,
    clicks integer NOT NULL,
    carts integer NOT NULL,
    purchases integer NOT NULL,
    PRIMARY KEY (day, application, market, listing_id, position)
);

CREATE TABLE assay_data.buyer_pairs (
    day date NOT NULL REFERENCES assay_data.buyer_days ON DELETE CASCADE,
    application text NOT NULL,
    market text NOT NULL,
    query_hash bigint NOT NULL,
    listing_id text NOT NULL,
    position smallint NOT NULL CHECK (position >= 1),
    impressions integer NOT NULL,
    clicks integer NOT NULL,
    PRIMARY KEY (day, application, market, query_hash, listing_id, position)
);

CREATE TABLE assay_data.buyer_propensities (
    day date NOT NULL REFERENCES assay_data.buyer_days ON DELETE CASCADE,
    application text NOT NULL,
    market text NOT NULL,
    position smallint NOT NULL,
    propensity double precision NOT NULL CHECK (propensity > 0),
    clicks bigint NOT NULL,
    method text NOT NULL,
    PRIMARY KEY (day, application, market, position)
);

CREATE TABLE assay_data.buyer_agreement (
    day date NOT NULL REFERENCES assay_data.buyer_days ON DELETE CASCADE,
    days smallint NOT NULL,
    application text NOT NULL,
    market text NOT NULL,
    category text NOT NULL,
    tier text NOT NULL CHECK (tier IN ('llm', 'student')),
    measure text NOT NULL CHECK (measure IN ('main', 'listing')),
    action text NOT NULL CHECK (action IN ('click', 'add_to_cart', 'purchase')),
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
    PRIMARY KEY (day, days, application, market, category, tier, measure, action)
);

CREATE TABLE assay_data.image_watch_days (
    watch text NOT NULL,
    day date NOT NULL,
    looked_at timestamptz NOT NULL,
    PRIMARY KEY (watch, day)
);

CREATE VIEW assay.buyer_rates AS
    SELECT e.application, e.market, e.listing_id, e.day, sum(e.impressions)::bigint AS impressions,
        sum(e.impressions * p.propensity) AS examined, sum(e.clicks)::bigint AS clicks, sum(e.carts)::bigint AS carts,
        sum(e.purchases)::bigint AS purchases, sum(e.clicks) / sum(e.impressions * p.propensity) AS rate
    FROM assay_data.buyer_exposures AS e
    JOIN assay_data.buyer_propensities AS p USING (day, application, market, position)
    GROUP BY e.application, e.market, e.listing_id, e.day;
COMMENT ON VIEW assay.buyer_rates IS 'What buyers did with a listing on a day, corrected for the places it was shown in. examined: impressions, each counted by how much its place is looked at (place 1 counts 1); rate: clicks by examined.';

CREATE VIEW assay.buyer_agreement AS
    SELECT application, market, day, tier, action, listings, impressions, correlation, low, high, lift_per_point,
        lift_low, lift_high, method, note
    FROM assay_data.buyer_agreement WHERE days = 1 AND measure = 'main' AND category = '';
COMMENT ON VIEW assay.buyer_agreement IS 'How far the main picture''s score agrees with what buyers did, a day: rank correlation inside category and price band with its 95 % interval by listing, and how much more they did per point of score (0.08: 8 % more). null where there was too little.';

CREATE VIEW assay.buyer_agreement_windows AS
    SELECT application, market, day, days, category, tier, measure, action, listings, impressions, correlation, low, high,
        kendall, lift_per_point, lift_low, lift_high, method, note
    FROM assay_data.buyer_agreement;
COMMENT ON VIEW assay.buyer_agreement_windows IS 'As buyer_agreement, also over the 7 days that end with the day (days), of one category (empty: of all), and of the listing''s score (measure listing) beside its main picture''s (main).';

CREATE VIEW assay.buyer_propensities AS
    SELECT application, market, day, position, propensity, clicks, method FROM assay_data.buyer_propensities;
COMMENT ON VIEW assay.buyer_propensities IS 'How much a place in the list is looked at, beside the first, as estimated on a day from the weeks before. clicks: those the estimate of this place stands on.';

CREATE VIEW assay.buyer_days AS
    SELECT day, read_at, is_whole, searches, impressions, automated, unmatched, note FROM assay_data.buyer_days;
COMMENT ON VIEW assay.buyer_days IS 'Days of the search log that were read for what buyers did. is_whole: the day was over when it was read; note: which bound cut what; unmatched: actions on a listing that their search had not shown.';
