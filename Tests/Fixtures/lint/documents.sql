-- prelude
CREATE ROLE app@ LOGIN;
CREATE SCHEMA app;
GRANT USAGE ON SCHEMA app TO app@;
CREATE TABLE app.t (id bigint PRIMARY KEY, user_id bigint NOT NULL);
-- bad document-untested: table app.t
-- policy: { "version": 1, "rowSecurity": { "app.t": { "policies": [ { "name": "p", "to": ["app@"], "using": "user_id = 1" } ] } } }
-- good document-untested
-- policy: { "version": 1, "rowSecurity": { "app.t": { "policies": [ { "name": "p", "to": ["app@"], "using": "user_id = 1" } ] } }, "tests": [ { "as": "app@", "run": "SELECT count(*) FROM app.t", "expect": { "rows": [[0]] } } ] }
-- bad document-rls-not-in-force: table app.t
-- policy: { "version": 1, "rowSecurity": { "app.t": { "policies": [] } } }
-- good document-rls-not-in-force
-- policy: { "version": 1, "rowSecurity": { "app.t": { "enable": false } } }
-- bad document-grants-truncate: table app.t
-- policy: { "version": 1, "grants": [ { "to": ["app@"], "on": { "tables": ["app.*"] }, "privileges": ["ALL"] } ], "rowSecurity": { "app.t": { "policies": [ { "name": "p", "to": ["app@"], "using": "user_id = 1" } ] } } }
-- good document-grants-truncate
-- policy: { "version": 1, "grants": [ { "to": ["app@"], "on": { "tables": ["app.*"] }, "privileges": ["ALL"] } ], "rowSecurity": { "app.t": { "policies": [ { "name": "p", "to": ["app@"], "using": "true" } ] } } }
-- bad document-strong-login: role strong@
-- policy: { "version": 1, "roles": { "strong@": { "login": true, "bypassRls": true } } }
-- good document-strong-login
-- policy: { "version": 1, "roles": { "strong@": { "login": false, "bypassRls": true }, "weak@": { "login": true } } }
-- bad policy-always-true: policy p on app.t
-- policy: { "version": 1, "rowSecurity": { "app.t": { "policies": [ { "name": "p", "to": ["PUBLIC"], "using": "user_id = 1 or 1 = 1" } ] } } }
-- good policy-always-true
-- policy: { "version": 1, "rowSecurity": { "app.t": { "policies": [ { "name": "p", "to": ["PUBLIC"], "using": "user_id = 1" } ] } } }
