-- prelude
CREATE ROLE app@ LOGIN;
CREATE ROLE keeper@;
CREATE SCHEMA app AUTHORIZATION keeper@;
GRANT USAGE ON SCHEMA app TO app@;
CREATE TABLE app.t (id bigint PRIMARY KEY, user_id bigint NOT NULL);
ALTER TABLE app.t OWNER TO keeper@;
-- bad rls-disabled: table app.notes
GRANT SELECT ON app.t TO app@;
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON app.t TO app@ USING (user_id = (SELECT nullif(current_setting('app.user', true), '')::bigint));
CREATE TABLE app.notes (user_id bigint);
GRANT SELECT ON app.notes TO app@;
-- bad rls-disabled: schema app
GRANT SELECT ON app.t TO app@;
-- good rls-disabled
GRANT SELECT ON app.t TO app@;
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON app.t TO app@ USING (user_id = (SELECT nullif(current_setting('app.user', true), '')::bigint));
CREATE TABLE app.notes (user_id bigint);
GRANT SELECT ON app.notes TO keeper@;
-- good rls-disabled
CREATE SCHEMA hidden;
CREATE TABLE hidden.a (id int);
CREATE TABLE hidden.b (id int);
ALTER TABLE hidden.a ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON hidden.a TO app@ USING (id > 1);
GRANT SELECT ON hidden.a, hidden.b TO app@;
-- bad rls-policies-without-rls: table app.t
CREATE POLICY p ON app.t TO app@ USING (user_id = 1);
-- good rls-policies-without-rls
CREATE POLICY p ON app.t TO app@ USING (user_id = 1);
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
-- bad rls-no-policy: table app.t
GRANT SELECT ON app.t TO app@;
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
-- good rls-no-policy
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
-- bad rls-only-restrictive: table app.t
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON app.t AS RESTRICTIVE TO app@ USING (user_id > 0);
-- good rls-only-restrictive
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON app.t AS RESTRICTIVE TO app@ USING (user_id > 0);
CREATE POLICY q ON app.t TO app@ USING (id > 0);
-- bad rls-not-forced: table app.t
GRANT keeper@ TO app@;
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON app.t TO app@ USING (user_id > 0);
-- good rls-not-forced
GRANT keeper@ TO app@;
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.t FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON app.t TO app@ USING (user_id > 0);
-- good rls-not-forced
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON app.t TO app@ USING (user_id > 0);
-- bad rls-truncate: table app.t
GRANT SELECT, TRUNCATE ON app.t TO app@;
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON app.t TO app@ USING (user_id > 0);
-- good rls-truncate
GRANT SELECT, TRUNCATE ON app.t TO app@;
-- good rls-truncate
GRANT SELECT, DELETE, TRUNCATE ON app.t TO app@;
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON app.t TO app@ USING (true);
-- bad rls-references: table app.t
GRANT SELECT, REFERENCES ON app.t TO app@;
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON app.t TO app@ USING (user_id > 0);
-- good rls-references
GRANT SELECT ON app.t TO app@;
GRANT REFERENCES ON app.t TO keeper@;
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON app.t TO app@ USING (user_id > 0);
-- bad rls-trigger: table app.t
GRANT SELECT, TRIGGER ON app.t TO app@;
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON app.t TO app@ USING (user_id > 0);
-- good rls-trigger
GRANT SELECT, TRIGGER ON app.t TO app@;
