-- Who did what in the console (core/console/access.py): only ever added to, whoever holds the table.
CREATE TABLE assay_data.audit (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    who text NOT NULL CHECK (who <> ''),
    role text NOT NULL CHECK (role IN ('read', 'review', 'operate')),
    act text NOT NULL CHECK (act <> ''),
    subject text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_who ON assay_data.audit (who, number);
CREATE INDEX audit_act ON assay_data.audit (act text_pattern_ops, number);

CREATE FUNCTION assay_data.audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'assay_data.audit is only added to: % refused', TG_OP;
END
$$;
CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON assay_data.audit
FOR EACH STATEMENT EXECUTE FUNCTION assay_data.audit_stays();

-- Sessions that somebody signed out of, until they would have ended anyway. A session itself is kept nowhere.
CREATE TABLE assay_data.ended_sessions (
    session text PRIMARY KEY,
    ends_at timestamptz NOT NULL
);

CREATE VIEW assay.audit AS
SELECT number, at, who, role, act, subject, detail FROM assay_data.audit;
COMMENT ON VIEW assay.audit IS
'What people did in the console, newest with the largest number: who (as they signed in), with which role, when, what (act), to what (subject), and what is worth keeping beside it (detail). Rows are never changed or deleted.';
