-- prelude
CREATE ROLE app@ LOGIN;
CREATE ROLE keeper@;
CREATE SCHEMA app AUTHORIZATION keeper@;
GRANT USAGE ON SCHEMA app TO app@;
CREATE TABLE app.t (id bigint PRIMARY KEY, user_id bigint NOT NULL);
ALTER TABLE app.t OWNER TO keeper@;
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON app.t TO app@ USING (user_id = (SELECT nullif(current_setting('app.user', true), '')::bigint));
GRANT SELECT ON app.t TO app@;
-- bad role-bypassrls: role strong@
CREATE ROLE strong@ LOGIN BYPASSRLS;
-- good role-bypassrls
CREATE ROLE strong@ NOLOGIN BYPASSRLS;
-- bad role-reaches-bypassrls: role app@
CREATE ROLE strong@ NOLOGIN BYPASSRLS;
GRANT strong@ TO app@;
-- good role-reaches-bypassrls
CREATE ROLE strong@ NOLOGIN BYPASSRLS;
GRANT app@ TO strong@;
-- good role-reaches-bypassrls since 160000
CREATE ROLE strong@ NOLOGIN BYPASSRLS;
GRANT strong@ TO app@ WITH INHERIT FALSE, SET FALSE;
-- bad role-reaches-superuser: role app@
CREATE ROLE boss@ SUPERUSER;
GRANT boss@ TO app@;
-- good role-reaches-superuser
CREATE ROLE boss@ SUPERUSER;
GRANT app@ TO boss@;
-- bad superuser-login: role boss@
CREATE ROLE boss@ SUPERUSER LOGIN;
-- good superuser-login
CREATE ROLE boss@ SUPERUSER NOLOGIN;
-- bad policy-to-bypassing-role: policy q on app.t
CREATE ROLE strong@ BYPASSRLS;
CREATE POLICY q ON app.t TO strong@ USING (id > 0);
-- good policy-to-bypassing-role
CREATE ROLE weak@;
CREATE POLICY q ON app.t TO weak@ USING (id > 0);
-- bad rls-open-for-role: table app.t
-- as: auditor@
CREATE ROLE auditor@ LOGIN;
GRANT app@ TO auditor@;
ALTER TABLE app.t OWNER TO postgres;
CREATE POLICY q ON app.t TO app@ USING (length('abc') > 2);
-- good rls-open-for-role
-- as: auditor@
CREATE ROLE auditor@ LOGIN;
GRANT app@ TO auditor@;
ALTER TABLE app.t OWNER TO postgres;
CREATE POLICY q ON app.t TO app@ USING (length('abc') > id);
-- good rls-open-for-role
CREATE POLICY q ON app.t TO app@ USING (id = 7);
-- bad view-definer-over-rls: view app.v
CREATE VIEW app.v AS SELECT * FROM app.t;
GRANT SELECT ON app.v TO app@;
-- bad view-definer-over-rls: view app.outside
CREATE VIEW app.v AS SELECT * FROM app.t;
CREATE VIEW app.outside WITH (security_invoker = false) AS SELECT * FROM app.v;
GRANT SELECT ON app.outside TO app@;
-- good view-definer-over-rls
CREATE VIEW app.v WITH (security_invoker = on) AS SELECT * FROM app.t;
GRANT SELECT ON app.v TO app@;
-- good view-definer-over-rls
CREATE TABLE app.plain (id int);
CREATE VIEW app.v AS SELECT * FROM app.plain;
GRANT SELECT ON app.v TO app@;
-- good view-definer-over-rls
CREATE VIEW app.v AS SELECT * FROM app.t;
ALTER TABLE app.t FORCE ROW LEVEL SECURITY;
ALTER VIEW app.v OWNER TO keeper@;
GRANT SELECT ON app.v TO app@;
-- good view-definer-over-rls
CREATE VIEW app.v AS SELECT * FROM app.t;
-- bad view-no-security-barrier: view app.mine
CREATE TABLE app.plain (owner name, secret text);
CREATE VIEW app.mine AS SELECT * FROM app.plain WHERE owner = current_user;
GRANT SELECT ON app.mine TO app@;
-- good view-no-security-barrier
CREATE TABLE app.plain (owner name, day date, secret text);
CREATE VIEW app.mine WITH (security_barrier) AS SELECT * FROM app.plain WHERE owner = current_user;
CREATE VIEW app.today AS SELECT current_user AS me, day FROM app.plain WHERE day = current_date;
GRANT SELECT ON app.mine, app.today TO app@;
-- bad matview-over-rls: materialized view app.m
CREATE MATERIALIZED VIEW app.m AS SELECT * FROM app.t;
GRANT SELECT ON app.m TO app@;
-- good matview-over-rls
CREATE TABLE app.plain (id int);
CREATE MATERIALIZED VIEW app.m AS SELECT * FROM app.plain;
CREATE MATERIALIZED VIEW app.n AS SELECT * FROM app.t;
GRANT SELECT ON app.m TO app@;
-- bad foreign-table-exposed: foreign table app.far
CREATE FOREIGN DATA WRAPPER w;
CREATE SERVER s FOREIGN DATA WRAPPER w;
CREATE FOREIGN TABLE app.far (id int) SERVER s;
GRANT SELECT ON app.far TO app@;
-- good foreign-table-exposed
CREATE FOREIGN DATA WRAPPER w;
CREATE SERVER s FOREIGN DATA WRAPPER w;
CREATE FOREIGN TABLE app.far (id int) SERVER s;
-- bad partition-without-rls: table app.part
CREATE TABLE app.whole (id int) PARTITION BY RANGE (id);
CREATE TABLE app.part PARTITION OF app.whole FOR VALUES FROM (0) TO (9);
ALTER TABLE app.whole ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON app.whole TO app@ USING (id > 1);
GRANT SELECT ON app.whole, app.part TO app@;
-- bad partition-without-rls: table app.child
CREATE TABLE app.child () INHERITS (app.t);
GRANT SELECT ON app.child TO app@;
-- good partition-without-rls
CREATE TABLE app.whole (id int) PARTITION BY RANGE (id);
CREATE TABLE app.part PARTITION OF app.whole FOR VALUES FROM (0) TO (9);
ALTER TABLE app.whole ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON app.whole TO app@ USING (id > 1);
GRANT SELECT ON app.whole TO app@;
-- bad rls-publication: table app.t
CREATE PUBLICATION out FOR TABLE app.t;
-- good rls-publication
CREATE TABLE app.plain (id int PRIMARY KEY);
CREATE PUBLICATION out FOR TABLE app.plain;
-- bad read-all-held-back: role dump@
CREATE ROLE dump@ LOGIN;
GRANT pg_read_all_data TO dump@;
-- good read-all-held-back
CREATE ROLE dump@ LOGIN BYPASSRLS;
GRANT pg_read_all_data TO dump@;
