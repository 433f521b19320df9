-- prelude
CREATE ROLE app@ LOGIN;
CREATE ROLE other@ LOGIN;
CREATE SCHEMA app;
GRANT USAGE ON SCHEMA app TO app@, other@;
CREATE TABLE app.t (id bigint PRIMARY KEY, user_id bigint NOT NULL, tenant_id bigint, status text NOT NULL, u uuid);
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE, DELETE ON app.t TO app@;
-- bad policy-to-public: policy p on app.t
CREATE POLICY p ON app.t USING (user_id = (SELECT nullif(current_setting('app.user', true), '')::bigint));
-- good policy-to-public
CREATE POLICY p ON app.t TO app@ USING (user_id = 1);
CREATE POLICY floor ON app.t AS RESTRICTIVE USING (user_id > 0);
-- bad policy-without-expression: policy p on app.t
CREATE POLICY p ON app.t FOR INSERT TO app@;
-- good policy-without-expression
CREATE POLICY p ON app.t FOR INSERT TO app@ WITH CHECK (user_id = 1);
CREATE POLICY q ON app.t FOR UPDATE TO app@ USING (user_id = 1);
-- bad policy-check-drops-using: policy p on app.t
CREATE POLICY p ON app.t FOR UPDATE TO app@
    USING (user_id = (SELECT nullif(current_setting('app.user', true), '')::bigint)) WITH CHECK (status <> 'closed');
-- good policy-check-drops-using
CREATE POLICY p ON app.t FOR UPDATE TO app@
    USING (user_id = (SELECT nullif(current_setting('app.user', true), '')::bigint));
-- good policy-check-drops-using
CREATE POLICY p ON app.t FOR UPDATE TO app@
    USING (status = 'open' AND user_id = (SELECT nullif(current_setting('app.user', true), '')::bigint))
    WITH CHECK (user_id = (SELECT nullif(current_setting('app.user', true), '')::bigint));
-- bad policy-update-without-select: policy p on app.t
CREATE POLICY p ON app.t FOR UPDATE TO app@ USING (user_id = 1);
CREATE POLICY q ON app.t FOR SELECT TO other@ USING (user_id = 1);
-- good policy-update-without-select
CREATE POLICY p ON app.t FOR UPDATE TO app@ USING (user_id = 1);
CREATE POLICY q ON app.t FOR SELECT USING (user_id = 1);
-- bad policy-permissive-overlap: table app.t
CREATE POLICY p ON app.t FOR SELECT TO app@ USING (user_id = 1);
CREATE POLICY q ON app.t FOR ALL TO PUBLIC USING (status = 'open');
-- good policy-permissive-overlap
CREATE POLICY p ON app.t FOR SELECT TO app@ USING (user_id = 1);
CREATE POLICY q ON app.t FOR SELECT TO other@ USING (status = 'open');
CREATE POLICY r ON app.t FOR INSERT TO app@ WITH CHECK (status = 'open');
CREATE POLICY floor ON app.t AS RESTRICTIVE USING (user_id > 0);
-- bad policy-duplicate: policy q on app.t
CREATE POLICY p ON app.t FOR SELECT TO app@ USING (user_id = 1);
CREATE POLICY q ON app.t FOR SELECT TO app@ USING (t.user_id = 1);
-- good policy-duplicate
CREATE POLICY p ON app.t FOR SELECT TO app@ USING (user_id = 1);
CREATE POLICY q ON app.t FOR DELETE TO app@ USING (user_id = 1);
-- bad policy-restrictive-sole-role: policy floor on app.t
CREATE POLICY floor ON app.t AS RESTRICTIVE TO app@ USING (user_id > 0);
-- good policy-restrictive-sole-role
CREATE POLICY floor ON app.t AS RESTRICTIVE TO app@, other@ USING (user_id > 0);
CREATE POLICY p ON app.t TO app@ USING (user_id = 1);
-- bad policy-nullable-column: column app.t.tenant_id
CREATE POLICY p ON app.t TO app@ USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::bigint));
-- good policy-nullable-column
CREATE POLICY p ON app.t TO app@ USING (user_id = (SELECT nullif(current_setting('app.user', true), '')::bigint)
    AND tenant_id IS NOT NULL);
-- bad policy-no-index: column app.t.user_id
INSERT INTO app.t (id, user_id, status) SELECT n, n, 'open' FROM generate_series(1, 2000) n;
CREATE POLICY p ON app.t TO app@ USING (user_id = (SELECT nullif(current_setting('app.user', true), '')::bigint));
ANALYZE app.t;
-- good policy-no-index
INSERT INTO app.t (id, user_id, status) SELECT n, n, 'open' FROM generate_series(1, 2000) n;
CREATE POLICY p ON app.t TO app@ USING (user_id = (SELECT nullif(current_setting('app.user', true), '')::bigint));
CREATE INDEX ON app.t (user_id, id);
ANALYZE app.t;
-- good policy-no-index
INSERT INTO app.t (id, user_id, status) SELECT n, n, 'open' FROM generate_series(1, 20) n;
CREATE POLICY p ON app.t TO app@ USING (user_id = (SELECT nullif(current_setting('app.user', true), '')::bigint));
ANALYZE app.t;
-- bad policy-to-owner: policy mine on app.own
CREATE ROLE keeper@;
CREATE TABLE app.own (id int NOT NULL);
ALTER TABLE app.own OWNER TO keeper@;
ALTER TABLE app.own ENABLE ROW LEVEL SECURITY;
GRANT USAGE, CREATE ON SCHEMA app TO keeper@;
SET ROLE keeper@;
CREATE POLICY mine ON app.own TO CURRENT_USER USING (id = 1);
-- good policy-to-owner
CREATE ROLE keeper@;
CREATE TABLE app.own (id int NOT NULL);
ALTER TABLE app.own OWNER TO keeper@;
ALTER TABLE app.own ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY mine ON app.own TO keeper@ USING (id = 1);
CREATE TABLE app.other (id int NOT NULL);
ALTER TABLE app.other OWNER TO keeper@;
ALTER TABLE app.other ENABLE ROW LEVEL SECURITY;
CREATE POLICY shared ON app.other TO keeper@, app@ USING (id = 1);
