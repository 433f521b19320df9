-- Nothing for PUBLIC; the three groups may call what they need, and read no table that holds a hash.
REVOKE ALL ON SCHEMA dbauth FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA dbauth FROM PUBLIC, dbauth_app, dbauth_legacy, dbauth_admin;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA dbauth FROM PUBLIC, dbauth_app, dbauth_legacy, dbauth_admin;
GRANT USAGE ON SCHEMA dbauth TO dbauth_app, dbauth_legacy, dbauth_admin;

GRANT EXECUTE ON FUNCTION dbauth.client_settings, dbauth.begin_login, dbauth.finish_login, dbauth.upgrade_password,
    dbauth.begin_totp, dbauth.finish_totp, dbauth.check_session, dbauth.end_session, dbauth.list_sessions,
    dbauth.revoke_session, dbauth.create_account, dbauth.begin_password_change, dbauth.change_password,
    dbauth.request_reset, dbauth.finish_reset, dbauth.create_api_key, dbauth.check_api_key, dbauth.rotate_api_key,
    dbauth.revoke_api_key, dbauth.list_api_keys, dbauth.enroll_totp, dbauth.totp_seeds, dbauth.confirm_totp,
    dbauth.remove_totp
TO dbauth_app;

GRANT EXECUTE ON FUNCTION dbauth.client_settings, dbauth.legacy_hash, dbauth.finish_legacy_login TO dbauth_legacy;

GRANT EXECUTE ON FUNCTION dbauth.client_settings, dbauth.admin_add_account, dbauth.admin_unlock, dbauth.admin_set_active,
    dbauth.admin_remove_account, dbauth.admin_revoke_sessions, dbauth.admin_remove_totp, dbauth.admin_create_api_key,
    dbauth.admin_rotate_api_key, dbauth.admin_revoke_api_key, dbauth.admin_purge, dbauth.request_reset
TO dbauth_admin;
GRANT SELECT ON dbauth.account_list, dbauth.session_list, dbauth.api_key_list, dbauth.events TO dbauth_admin;
