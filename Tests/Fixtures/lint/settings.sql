-- prelude
CREATE ROLE app@ LOGIN;
CREATE SCHEMA app;
GRANT USAGE ON SCHEMA app TO app@;
CREATE TABLE app.t (id bigint PRIMARY KEY, user_id bigint NOT NULL, owner text);
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON app.t TO app@;
-- bad policy-setting-raises: policy p on app.t
CREATE POLICY p ON app.t TO app@ USING (owner = (SELECT current_setting('app.user')));
-- good policy-setting-raises
CREATE POLICY p ON app.t TO app@ USING (owner = (SELECT current_setting('app.user', true)));
-- bad policy-empty-setting: policy p on app.t
CREATE POLICY p ON app.t TO app@ USING (user_id = (SELECT current_setting('app.user', true)::bigint));
-- good policy-empty-setting
CREATE POLICY p ON app.t TO app@ USING (user_id = (SELECT nullif(current_setting('app.user', true), '')::bigint));
CREATE POLICY q ON app.t TO app@ USING (owner = (SELECT current_setting('app.user', true)::text));
-- bad policy-unqualified-setting: policy p on app.t
CREATE POLICY p ON app.t TO app@ USING (owner = (SELECT current_setting('user_id', true)));
-- good policy-unqualified-setting
CREATE POLICY p ON app.t TO app@ USING (owner = (SELECT current_setting('application_name', true)));
-- bad setting-is-no-secret: setting app.user
CREATE POLICY p ON app.t TO app@ USING (owner = (SELECT current_setting('app.user', true)));
-- good setting-is-no-secret
CREATE POLICY p ON app.t TO app@ USING (owner = current_user);
-- bad policy-setting-preset: setting app.caller
CREATE POLICY p ON app.t TO app@ USING (owner = (SELECT current_setting('app.caller', true)));
ALTER DATABASE $DB SET app.caller = 'admin';
-- bad policy-setting-preset: setting app.caller
CREATE FUNCTION app.me() RETURNS text LANGUAGE sql STABLE AS $$ SELECT current_setting('App.Caller', true) $$;
CREATE POLICY p ON app.t TO app@ USING (owner = (SELECT app.me()));
ALTER ROLE app@ SET app.caller = 'admin';
-- good policy-setting-preset
CREATE POLICY p ON app.t TO app@ USING (owner = (SELECT current_setting('app.caller', true)));
ALTER DATABASE $DB SET app.caller = '';
CREATE ROLE other@;
ALTER ROLE other@ SET app.caller = 'admin';
ALTER ROLE app@ SET app.other = 'admin';
-- bad policy-setting-session: function app.enter(text)
CREATE POLICY p ON app.t TO app@ USING (owner = (SELECT current_setting('app.caller', true)));
CREATE FUNCTION app.enter(who text) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN PERFORM set_config('app.caller', lower(who), false); END $$;
-- bad policy-setting-session: function app.enter()
CREATE POLICY p ON app.t TO app@ USING (owner = (SELECT current_setting('app.caller', true)));
CREATE FUNCTION app.enter() RETURNS void LANGUAGE plpgsql AS $$ BEGIN SET SESSION app.caller TO 'x'; END $$;
-- good policy-setting-session
CREATE POLICY p ON app.t TO app@ USING (owner = (SELECT current_setting('app.caller', true)));
CREATE FUNCTION app.enter(who text) RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN PERFORM set_config('app.caller', who, true); SET LOCAL app.caller = 'x'; -- SET app.caller = 'y'
    PERFORM set_config('app.page', who, false); END $$;
