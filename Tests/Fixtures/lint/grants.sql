-- prelude
CREATE ROLE app@ LOGIN;
CREATE ROLE keeper@;
CREATE SCHEMA app;
GRANT USAGE ON SCHEMA app TO app@;
CREATE TABLE app.t (id bigint PRIMARY KEY, email text);
-- bad schema-public-create: schema public
GRANT CREATE ON SCHEMA public TO PUBLIC;
-- good schema-public-create
GRANT CREATE ON SCHEMA public TO keeper@;
GRANT USAGE ON SCHEMA public TO PUBLIC;
-- bad database-public-connect: database $DB
-- good database-public-connect
REVOKE CONNECT ON DATABASE $DB FROM PUBLIC;
-- bad database-public-temporary: database $DB
-- good database-public-temporary
REVOKE TEMPORARY ON DATABASE $DB FROM PUBLIC;
-- bad database-create: database $DB
GRANT CREATE ON DATABASE $DB TO app@;
-- good database-create
GRANT CREATE ON DATABASE $DB TO keeper@;
-- bad table-public: table app.t
GRANT USAGE ON SCHEMA app TO PUBLIC;
GRANT INSERT ON app.t TO PUBLIC;
-- good table-public
GRANT INSERT ON app.t TO app@;
CREATE SCHEMA hidden;
CREATE TABLE hidden.t (id int);
GRANT SELECT ON hidden.t TO PUBLIC;
REVOKE USAGE ON SCHEMA hidden FROM PUBLIC;
-- bad default-privileges-public: default privileges of postgres on tables in app
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA app GRANT SELECT ON TABLES TO PUBLIC;
-- good default-privileges-public
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA app GRANT SELECT ON TABLES TO app@;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT EXECUTE ON FUNCTIONS TO app@;
-- bad default-privileges-idle: default privileges of keeper@ on tables in app
ALTER DEFAULT PRIVILEGES FOR ROLE keeper@ IN SCHEMA app GRANT SELECT ON TABLES TO app@;
-- good default-privileges-idle
GRANT CREATE ON SCHEMA app TO keeper@;
ALTER DEFAULT PRIVILEGES FOR ROLE keeper@ IN SCHEMA app GRANT SELECT ON TABLES TO app@;
-- bad column-grant-defeated: table app.t
GRANT SELECT (id) ON app.t TO app@;
GRANT SELECT ON app.t TO PUBLIC;
-- good column-grant-defeated
GRANT SELECT (id) ON app.t TO app@;
GRANT INSERT ON app.t TO app@;
GRANT SELECT ON app.t TO keeper@;
-- bad sensitive-column: column app.s.password_hash
CREATE TABLE app.s (id int, password_hash text);
GRANT SELECT ON app.s TO app@;
-- good sensitive-column
CREATE TABLE app.s (id int, password_hash text, tokenizer text, secretary text);
GRANT SELECT (id, tokenizer, secretary) ON app.s TO app@;
-- bad grant-option: table app.t
GRANT SELECT ON app.t TO app@ WITH GRANT OPTION;
-- good grant-option
GRANT SELECT ON app.t TO app@;
GRANT SELECT ON app.t TO keeper@ WITH GRANT OPTION;
-- bad delegated-grant: table app.t
GRANT SELECT ON app.t TO keeper@ WITH GRANT OPTION;
GRANT USAGE ON SCHEMA app TO keeper@;
SET ROLE keeper@;
GRANT SELECT ON app.t TO app@;
-- good delegated-grant
GRANT SELECT ON app.t TO app@;
-- bad parameter-privilege: parameter log_statement
GRANT SET ON PARAMETER log_statement TO app@;
-- good parameter-privilege
GRANT SET ON PARAMETER commit_delay TO app@;
-- bad default-privileges-defeated: default privileges of postgres on functions in app
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA app REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA app GRANT EXECUTE ON FUNCTIONS TO app@;
-- bad default-privileges-defeated: default privileges of postgres on functions
ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT EXECUTE ON FUNCTIONS TO app@;
-- good default-privileges-defeated
ALTER DEFAULT PRIVILEGES FOR ROLE postgres REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA app GRANT EXECUTE ON FUNCTIONS TO app@;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA app GRANT SELECT ON TABLES TO app@;
ALTER DEFAULT PRIVILEGES FOR ROLE keeper@ IN SCHEMA app REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
