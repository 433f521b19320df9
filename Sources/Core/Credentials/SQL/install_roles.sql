-- Groups that nobody logs in as: whoever installs grants them to login roles. They belong to the cluster and may be there.
DO $do$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['dbauth_app', 'dbauth_legacy', 'dbauth_admin'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = wanted) THEN
                EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', wanted);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            -- Somebody else was faster.
            NULL;
        END;
    END LOOP;
END
$do$;
