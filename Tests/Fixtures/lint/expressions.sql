-- prelude
CREATE ROLE app@ LOGIN;
CREATE ROLE other@ LOGIN;
CREATE ROLE keeper@;
CREATE SCHEMA app;
GRANT USAGE ON SCHEMA app TO app@, other@;
CREATE TABLE app.t (id bigint PRIMARY KEY, user_id bigint NOT NULL, owner name, status text NOT NULL, u uuid);
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE, DELETE ON app.t TO app@;
-- bad policy-always-true: policy p on app.t
CREATE POLICY p ON app.t USING (true);
-- bad policy-always-true: policy p on app.t
CREATE POLICY p ON app.t TO app@ USING (id = id);
-- bad policy-always-true: policy p on app.t
CREATE POLICY p ON app.t FOR INSERT TO app@ WITH CHECK (1 = 1 OR u IS NULL);
-- bad policy-always-true: policy p on app.t
CREATE POLICY p ON app.t TO app@ USING (user_id = 1 OR length('abc') > 2);
-- bad policy-always-true: policy p on app.t
CREATE POLICY p ON app.t TO app@ USING (true);
CREATE POLICY q ON app.t TO app@ USING (user_id = 1);
-- bad policy-always-true: policy p on app.t
ALTER TABLE app.t OWNER TO keeper@;
CREATE POLICY p ON app.t TO app@ USING (user_id = 1 OR status = status);
-- good policy-always-true
CREATE POLICY p ON app.t TO app@ USING (user_id = 1 OR id = user_id);
CREATE POLICY q ON app.t AS RESTRICTIVE TO app@ USING (true);
CREATE POLICY r ON app.t TO other@ USING (owner IS NOT NULL);
-- good policy-always-true
CREATE POLICY p ON app.t TO app@ USING (true);
-- bad policy-true-for-role: policy p on app.t
CREATE POLICY p ON app.t TO app@ USING (true);
-- good policy-true-for-role
CREATE POLICY p ON app.t USING (true);
-- bad policy-restrictive-true: policy p on app.t
CREATE POLICY p ON app.t AS RESTRICTIVE TO app@ USING (true);
-- good policy-restrictive-true
CREATE POLICY p ON app.t AS RESTRICTIVE TO app@ USING (user_id > 0);
-- bad policy-always-false: policy p on app.t
CREATE POLICY p ON app.t TO app@ USING (1 = 2);
-- good policy-always-false
CREATE POLICY p ON app.t AS RESTRICTIVE FOR DELETE TO app@ USING (false);
-- bad policy-no-own-column: policy p on app.t
CREATE POLICY p ON app.t TO app@ USING (current_setting('app.admin', true) = 'yes');
-- good policy-no-own-column
CREATE POLICY p ON app.t TO app@ USING (current_setting('app.admin', true) = 'yes' AND user_id > 0);
CREATE POLICY q ON app.t TO other@ USING (EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = t.owner));
-- bad policy-null-opens: policy p on app.t
CREATE POLICY p ON app.t TO app@
    USING (current_setting('app.user', true) IS NULL OR owner = current_setting('app.user', true));
-- good policy-null-opens
CREATE POLICY p ON app.t TO app@ USING (owner IS NULL OR owner = (SELECT current_setting('app.user', true)));
-- bad policy-hardcoded-id: policy p on app.t
CREATE POLICY p ON app.t TO app@ USING (u = '00000000-0000-0000-0000-000000000001');
-- good policy-hardcoded-id
CREATE POLICY p ON app.t TO app@ USING (status = 'open' AND id > 10);
-- bad policy-pattern-from-caller: policy p on app.t
CREATE POLICY p ON app.t TO app@ USING (status LIKE current_setting('app.prefix', true) || '%');
-- good policy-pattern-from-caller
CREATE POLICY p ON app.t TO app@ USING (status LIKE 'open%' AND owner = (SELECT current_setting('app.user', true)));
-- bad policy-user-metadata: policy p on app.t
CREATE POLICY p ON app.t TO app@
    USING (owner = (current_setting('request.jwt.claims', true)::jsonb -> 'user_metadata' ->> 'name'));
-- good policy-user-metadata
CREATE POLICY p ON app.t TO app@
    USING (owner = (SELECT nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'app_metadata' ->> 'name'));
-- bad policy-unknown-role: policy p on app.t
CREATE POLICY p ON app.t TO app@ USING (current_user = 'nobody_of_that_name' AND user_id > 0);
-- good policy-unknown-role
CREATE POLICY p ON app.t TO app@ USING (current_user = 'app@' AND user_id > 0);
-- bad policy-one-role-for-all: policy p on app.t
CREATE POLICY p ON app.t TO app@ USING (owner = current_user);
-- good policy-one-role-for-all
GRANT SELECT ON app.t TO other@;
CREATE POLICY p ON app.t USING (owner = current_user);
-- good policy-one-role-for-all
CREATE POLICY p ON app.t TO app@ USING (owner = (SELECT current_setting('app.user', true)) AND current_user = 'app@');
-- bad policy-session-user: policy p on app.t
CREATE POLICY p ON app.t USING (owner = session_user);
-- good policy-session-user
CREATE POLICY p ON app.t USING (owner = current_user);
-- bad policy-volatile-function: policy p on app.t
CREATE FUNCTION app.f(bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN true; END $$;
CREATE POLICY p ON app.t TO app@ USING (app.f(user_id));
-- good policy-volatile-function
CREATE FUNCTION app.f(bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN true; END $$;
CREATE POLICY p ON app.t TO app@ USING (app.f(user_id));
-- bad policy-per-row-function: policy p on app.t
CREATE FUNCTION app.me() RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN 1; END $$;
CREATE POLICY p ON app.t TO app@ USING (user_id = app.me());
-- bad policy-per-row-function: policy p on app.t
CREATE FUNCTION app.me() RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN 1; END $$;
CREATE POLICY p ON app.t TO app@ USING (user_id = (SELECT app.me()) OR user_id = app.me());
-- good policy-per-row-function
CREATE FUNCTION app.me() RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN 1; END $$;
CREATE POLICY p ON app.t TO app@ USING (user_id = (SELECT app.me()));
-- good policy-per-row-function
CREATE FUNCTION app.me() RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN 1; END $$;
CREATE INDEX ON app.t (user_id);
CREATE POLICY p ON app.t TO app@ USING (user_id = app.me());
-- good policy-per-row-function
CREATE FUNCTION app.may(bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN true; END $$;
CREATE POLICY p ON app.t TO app@ USING (app.may(user_id));
