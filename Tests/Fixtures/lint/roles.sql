-- prelude
CREATE SCHEMA app;
CREATE ROLE group@;
-- bad role-createrole: role r@
CREATE ROLE r@ LOGIN CREATEROLE;
-- good role-createrole
CREATE ROLE r@ NOLOGIN CREATEROLE;
-- bad role-no-connection-limit: role r@
CREATE ROLE r@ LOGIN;
-- good role-no-connection-limit
CREATE ROLE r@ LOGIN CONNECTION LIMIT 5;
-- bad role-no-expiry: role r@
CREATE ROLE r@ LOGIN PASSWORD 'x';
-- good role-no-expiry
CREATE ROLE r@ LOGIN PASSWORD 'x' VALID UNTIL '2040-01-01';
CREATE ROLE s@ LOGIN;
-- bad role-md5-password: role r@
SET password_encryption = 'md5';
CREATE ROLE r@ LOGIN PASSWORD 'x';
-- good role-md5-password
SET password_encryption = 'scram-sha-256';
CREATE ROLE r@ LOGIN PASSWORD 'x';
-- bad role-no-password: role r@
CREATE ROLE r@ LOGIN;
-- good role-no-password
CREATE ROLE r@ LOGIN PASSWORD 'x';
-- bad role-replication-shared: role r@
CREATE ROLE r@ LOGIN REPLICATION;
GRANT group@ TO r@;
-- good role-replication-shared
CREATE ROLE r@ LOGIN REPLICATION;
-- bad login-role-owns-tables: role r@
CREATE ROLE r@ LOGIN;
CREATE TABLE app.t (id int);
ALTER TABLE app.t OWNER TO r@;
-- good login-role-owns-tables
CREATE TABLE app.t (id int);
ALTER TABLE app.t OWNER TO group@;
-- bad master-key-membership: role r@
CREATE ROLE r@ LOGIN;
GRANT pg_read_server_files TO r@;
-- good master-key-membership
CREATE ROLE r@ LOGIN;
GRANT pg_monitor, group@ TO r@;
-- bad admin-option: role r@
CREATE ROLE r@ LOGIN;
GRANT group@ TO r@ WITH ADMIN OPTION;
-- good admin-option
CREATE ROLE r@ LOGIN;
GRANT group@ TO r@;
-- bad membership-several-grantors since 160000: role r@
CREATE ROLE r@ LOGIN;
CREATE ROLE boss@;
GRANT group@ TO boss@ WITH ADMIN OPTION;
GRANT group@ TO r@;
GRANT group@ TO r@ GRANTED BY boss@;
-- good membership-several-grantors
CREATE ROLE r@ LOGIN;
GRANT group@ TO r@;
-- bad membership-wider: role r@
-- policy: { "version": 1, "roles": { "group@": {}, "r@": { "login": true, "memberOf": ["group@"] } } }
CREATE ROLE r@ LOGIN;
GRANT group@ TO r@ WITH ADMIN OPTION;
-- good membership-wider
-- policy: { "version": 1, "roles": { "group@": {}, "r@": { "login": true, "memberOf": [{ "role": "group@", "admin": true }] } } }
CREATE ROLE r@ LOGIN;
GRANT group@ TO r@ WITH ADMIN OPTION;
-- bad password-encryption-md5: parameter password_encryption
ALTER DATABASE $DB SET password_encryption = 'md5';
-- good password-encryption-md5
-- bad role-unused: role r@
CREATE ROLE r@;
GRANT group@ TO r@;
-- good role-unused
-- policy: { "version": 1, "roles": { "declared@": {}, "group@": {} } }
CREATE ROLE declared@;
CREATE ROLE member@ LOGIN;
GRANT group@ TO member@;
CREATE ROLE owner@;
CREATE TABLE app.o (id int);
ALTER TABLE app.o OWNER TO owner@;
CREATE ROLE reader@;
GRANT SELECT (id) ON app.o TO reader@;
CREATE ROLE held@;
CREATE POLICY p ON app.o TO held@ USING (id = 1);
CREATE ROLE configured@;
ALTER ROLE configured@ SET work_mem = '64MB';
CREATE ROLE creator@;
ALTER DEFAULT PRIVILEGES FOR ROLE creator@ GRANT SELECT ON TABLES TO reader@;
-- bad authenticator-inherits: role r@
CREATE ROLE r@ LOGIN;
ALTER ROLE r@ SET pgrst.db_schemas = 'app';
GRANT group@ TO r@;
-- bad authenticator-inherits since 160000: role r@
CREATE ROLE r@ LOGIN NOINHERIT;
ALTER ROLE r@ SET pgrst.db_schemas = 'app';
GRANT group@ TO r@ WITH INHERIT TRUE;
-- good authenticator-inherits
CREATE ROLE r@ LOGIN NOINHERIT;
ALTER ROLE r@ SET pgrst.db_schemas = 'app';
GRANT group@ TO r@;
CREATE ROLE other@ LOGIN;
GRANT group@ TO other@;
