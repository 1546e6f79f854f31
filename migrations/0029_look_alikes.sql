-- Pictures that look alike: judgements are shared between re-encoded copies where a setting says so, and copies of a picture
-- under several sellers are listed. docs/adr/0031 says why groups have a first picture, and why no pairs are kept.

-- 64 bits as four numbers of 16, each told apart by its place. Two hashes that differ in at most 3 bits have one of them
-- alike, in at most 7 one that differs in at most 1: whoever looks for them names the 4 or 68 numbers that he would find. Their
-- indexes take new hashes in at once: what waits in a list is read through at every look.
CREATE FUNCTION assay_data.phash_bands(phash bigint) RETURNS integer[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    RETURN ARRAY[
        (phash >> 48 & 65535)::integer, (phash >> 32 & 65535)::integer + 65536,
        (phash >> 16 & 65535)::integer + 131072, (phash & 65535)::integer + 196608
    ];

CREATE FUNCTION assay_data.phash_distance(one bigint, other bigint) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    RETURN bit_count((one # other)::bit(64))::integer;

CREATE INDEX pictures_by_phash ON assay_data.pictures (phash, first_seen) WHERE phash IS NOT NULL;
CREATE INDEX pictures_by_bands ON assay_data.pictures USING gin (assay_data.phash_bands(phash))
    WITH (fastupdate = off) WHERE phash IS NOT NULL;

CREATE TABLE assay_data.picture_sightings (
    listing_id text NOT NULL,
    image_url text NOT NULL,
    image_hash text NOT NULL REFERENCES assay_data.pictures (image_hash) ON DELETE CASCADE,
    phash bigint NOT NULL,
    market text NOT NULL,
    seller text NOT NULL,
    first_seen timestamptz NOT NULL,
    grouped boolean NOT NULL DEFAULT false,
    PRIMARY KEY (listing_id, image_url, image_hash)
);
CREATE INDEX picture_sightings_by_hash ON assay_data.picture_sightings (phash, first_seen, listing_id, image_url);
CREATE INDEX picture_sightings_by_picture ON assay_data.picture_sightings (image_hash);
CREATE INDEX picture_sightings_new ON assay_data.picture_sightings (first_seen) WHERE NOT grouped;

CREATE TABLE assay_data.phash_groups (
    first_phash bigint NOT NULL,
    phash bigint NOT NULL,
    distance smallint NOT NULL,
    crossed boolean NOT NULL DEFAULT false,
    PRIMARY KEY (first_phash, phash)
);
COMMENT ON TABLE assay_data.phash_groups IS 'Hashes near a first one, itself among them with distance 0; its row is crossed once two sellers'' pictures are in the group. A hash may be in several groups, a first one is in its own only.';
CREATE INDEX phash_groups_by_hash ON assay_data.phash_groups (phash);
CREATE INDEX phash_groups_by_bands ON assay_data.phash_groups USING gin (assay_data.phash_bands(phash)) WITH (fastupdate = off);
CREATE INDEX phash_groups_crossed ON assay_data.phash_groups (first_phash) WHERE crossed;

-- How far scores were taken in, and the distance by which hashes are grouped: another one groups them anew.
CREATE TABLE assay_data.look_alike_marks (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    score_id bigint NOT NULL DEFAULT 0,
    distance integer NOT NULL DEFAULT -1
);
INSERT INTO assay_data.look_alike_marks DEFAULT VALUES;

-- A row a copy, never a row a pair: a picture that ten thousand sellers show has ten thousand rows.
CREATE VIEW assay.near_duplicates AS
    SELECT to_hex(g.phash) AS group_id,
        f.listing_id AS first_listing_id, f.market AS first_market, f.seller AS first_seller,
        f.image_url AS first_image_url, f.image_hash AS first_image_hash, f.first_seen AS first_seen_at,
        s.listing_id, s.market, s.seller, s.image_url, s.image_hash, s.first_seen AS seen_at,
        assay_data.phash_distance(s.phash, f.phash) AS distance,
        EXISTS (SELECT FROM assay_data.listings AS l WHERE l.listing_id = s.listing_id AND NOT l.deleted) AS on_sale
    FROM assay_data.phash_groups AS g
    CROSS JOIN LATERAL (
        SELECT o.* FROM assay_data.phash_groups AS m
        CROSS JOIN LATERAL (
            SELECT * FROM assay_data.picture_sightings AS s WHERE s.phash = m.phash
            ORDER BY s.first_seen, s.listing_id, s.image_url LIMIT 1
        ) AS o
        WHERE m.first_phash = g.phash
        ORDER BY o.first_seen, o.listing_id, o.image_url LIMIT 1
    ) AS f
    JOIN assay_data.phash_groups AS m ON m.first_phash = g.phash
    JOIN assay_data.picture_sightings AS s ON s.phash = m.phash AND s.seller <> f.seller
    WHERE g.crossed;
COMMENT ON VIEW assay.near_duplicates IS 'Listings whose picture looks like an earlier one of another seller: a row a copy, beside the first picture of its group. distance: bits of the 64 of the perceptual hash in which the two differ. first_seen_at, seen_at: when the listing was told in the form in which the service first judged the picture. seller: as the listing named it then, its own id where it names none.';

CREATE VIEW assay.near_duplicate_groups AS
    SELECT to_hex(g.phash) AS group_id, n.sellers, n.listings, n.pictures, n.markets, n.first_seen_at, n.newest_at
    FROM assay_data.phash_groups AS g
    CROSS JOIN LATERAL (
        SELECT count(DISTINCT s.seller) AS sellers, count(DISTINCT s.listing_id) AS listings,
            count(DISTINCT s.image_hash) AS pictures, array_agg(DISTINCT s.market) AS markets,
            min(s.first_seen) AS first_seen_at, max(s.first_seen) AS newest_at
        FROM assay_data.phash_groups AS m JOIN assay_data.picture_sightings AS s ON s.phash = m.phash
        WHERE m.first_phash = g.phash
    ) AS n
    WHERE g.crossed AND n.sellers > 1;
COMMENT ON VIEW assay.near_duplicate_groups IS 'Pictures that look alike and that several sellers show: a row a group. Its copies are in near_duplicates.';
