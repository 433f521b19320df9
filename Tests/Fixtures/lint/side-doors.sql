-- prelude
CREATE ROLE app@ LOGIN;
CREATE SCHEMA app;
GRANT USAGE ON SCHEMA app TO app@;
CREATE TABLE app.t (id bigint PRIMARY KEY, user_id bigint NOT NULL, email text);
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON app.t TO app@ USING (user_id = (SELECT nullif(current_setting('app.user', true), '')::bigint));
GRANT SELECT, INSERT, UPDATE, DELETE ON app.t TO app@;
CREATE TABLE app.other (id bigint PRIMARY KEY, t_id bigint);
-- bad fk-oracle: table app.other
ALTER TABLE app.other ADD FOREIGN KEY (t_id) REFERENCES app.t;
GRANT INSERT ON app.other TO app@;
-- good fk-oracle
ALTER TABLE app.other ADD FOREIGN KEY (t_id) REFERENCES app.t;
GRANT SELECT, DELETE ON app.other TO app@;
-- bad fk-action-rewrites: table app.t
ALTER TABLE app.t ADD other_id bigint REFERENCES app.other ON DELETE SET NULL;
GRANT DELETE ON app.other TO app@;
-- good fk-action-rewrites
ALTER TABLE app.t ADD other_id bigint REFERENCES app.other ON DELETE RESTRICT;
GRANT DELETE ON app.other TO app@;
-- good fk-action-rewrites
ALTER TABLE app.t ADD other_id bigint REFERENCES app.other ON DELETE CASCADE;
GRANT SELECT, UPDATE ON app.other TO app@;
-- bad unique-oracle: table app.t
CREATE UNIQUE INDEX ON app.t (email);
-- good unique-oracle
CREATE UNIQUE INDEX ON app.t (user_id, email);
-- bad definer-trigger: table app.t
CREATE FUNCTION app.f() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER g BEFORE INSERT ON app.t FOR EACH ROW EXECUTE FUNCTION app.f();
-- good definer-trigger
CREATE FUNCTION app.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER g BEFORE INSERT ON app.t FOR EACH ROW EXECUTE FUNCTION app.f();
-- good definer-trigger
CREATE FUNCTION app.f() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER g AFTER TRUNCATE ON app.t FOR EACH STATEMENT EXECUTE FUNCTION app.f();
-- bad rule-runs-as-owner: table app.other
CREATE RULE r AS ON INSERT TO app.other DO ALSO DELETE FROM app.t;
GRANT INSERT ON app.other TO app@;
-- good rule-runs-as-owner
CREATE RULE r AS ON INSERT TO app.other DO ALSO DELETE FROM app.t;
GRANT SELECT, DELETE ON app.other TO app@;
CREATE VIEW app.v AS SELECT * FROM app.other;
GRANT SELECT, INSERT ON app.v TO app@;
