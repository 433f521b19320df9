-- prelude
CREATE ROLE app@ LOGIN;
CREATE SCHEMA app;
GRANT USAGE ON SCHEMA app TO app@;
CREATE TABLE app.t (id bigint PRIMARY KEY, user_id bigint NOT NULL, tenant_id bigint NOT NULL);
CREATE TABLE app.m (user_name name, tenant_id bigint);
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON app.t TO app@;
-- bad policy-subquery-ignores-caller: policy p on app.t
GRANT SELECT ON app.m TO app@;
CREATE POLICY p ON app.t TO app@ USING (EXISTS (SELECT 1 FROM app.m WHERE m.tenant_id > 0));
-- good policy-subquery-ignores-caller
GRANT SELECT ON app.m TO app@;
CREATE POLICY p ON app.t TO app@ USING (EXISTS (SELECT 1 FROM app.m WHERE m.tenant_id = t.tenant_id));
-- bad policy-scalar-subquery: policy p on app.t
GRANT SELECT ON app.m TO app@;
CREATE POLICY p ON app.t TO app@ USING (tenant_id = (SELECT m.tenant_id FROM app.m WHERE m.user_name = current_user));
-- good policy-scalar-subquery
GRANT SELECT ON app.m TO app@;
CREATE POLICY p ON app.t TO app@ USING (tenant_id IN (SELECT m.tenant_id FROM app.m WHERE m.user_name = current_user));
CREATE POLICY q ON app.t TO app@ USING (tenant_id = (SELECT max(m.tenant_id) FROM app.m));
CREATE POLICY r ON app.t TO app@ USING (tenant_id = (SELECT nullif(current_setting('app.tenant', true), '')::bigint));
-- good policy-scalar-subquery
GRANT SELECT ON app.m TO app@;
CREATE UNIQUE INDEX ON app.m (user_name);
CREATE POLICY p ON app.t TO app@ USING (tenant_id = (SELECT m.tenant_id FROM app.m WHERE m.user_name = current_user));
-- bad policy-reads-writable-table: policy p on app.t
GRANT SELECT, INSERT ON app.m TO app@;
CREATE POLICY p ON app.t TO app@ USING (tenant_id IN (SELECT m.tenant_id FROM app.m WHERE m.user_name = current_user));
-- good policy-reads-writable-table
GRANT SELECT ON app.m TO app@;
CREATE POLICY p ON app.t TO app@ USING (tenant_id IN (SELECT m.tenant_id FROM app.m WHERE m.user_name = current_user));
-- good policy-reads-writable-table
GRANT SELECT, INSERT ON app.m TO app@;
ALTER TABLE app.m ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON app.m FOR SELECT TO app@ USING (user_name = current_user);
CREATE POLICY p ON app.t TO app@ USING (tenant_id IN (SELECT m.tenant_id FROM app.m WHERE m.user_name = current_user));
-- bad policy-needs-privilege: policy p on app.t
CREATE POLICY p ON app.t TO app@ USING (tenant_id IN (SELECT m.tenant_id FROM app.m WHERE m.user_name = current_user));
-- good policy-needs-privilege
CREATE ROLE readers@;
GRANT readers@ TO app@;
GRANT SELECT (tenant_id, user_name) ON app.m TO readers@;
CREATE POLICY p ON app.t TO app@ USING (tenant_id IN (SELECT m.tenant_id FROM app.m WHERE m.user_name = current_user));
-- bad policy-recursion: table app.t
CREATE POLICY p ON app.t TO app@ USING (tenant_id IN (SELECT x.tenant_id FROM app.t x WHERE x.user_id = 1));
-- bad policy-recursion: table app.m
GRANT SELECT ON app.m TO app@;
ALTER TABLE app.m ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON app.t TO app@ USING (tenant_id IN (SELECT m.tenant_id FROM app.m));
CREATE POLICY q ON app.m TO app@ USING (tenant_id IN (SELECT t.tenant_id FROM app.t));
-- good policy-recursion
GRANT SELECT ON app.m TO app@;
CREATE POLICY p ON app.t TO app@ USING (tenant_id IN (SELECT m.tenant_id FROM app.m WHERE m.tenant_id = t.tenant_id));
CREATE POLICY q ON app.m TO app@ USING (tenant_id IN (SELECT t.tenant_id FROM app.t));
