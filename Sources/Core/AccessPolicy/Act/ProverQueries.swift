import PostgresClient

/// What a proof asks the catalog before it acts as a role.
enum ProverQueries {
    /// What runs by itself when a statement touches a table, those of untrusted owners only.
    ///
    /// That is functions in triggers, policies, views, defaults, constraints, indexes, operators and casts; and tables and
    /// views with such expressions, since built-in functions, which the catalog records nowhere, can do harm too.
    static func reachable(butOwnedBy trusted: [String]) -> SQL {
        """
        SELECT x.kind, n.nspname AS schema, x.name, o.rolname AS owner
        FROM (
            SELECT 'function' AS kind, p.pronamespace AS space, p.proname AS name, p.proowner AS owner
            FROM pg_catalog.pg_proc p
            WHERE EXISTS (
                SELECT FROM pg_catalog.pg_depend d
                WHERE d.refclassid = 'pg_catalog.pg_proc'::regclass AND d.refobjid = p.oid
                  AND d.classid IN ('pg_catalog.pg_trigger'::regclass, 'pg_catalog.pg_policy'::regclass,
                      'pg_catalog.pg_rewrite'::regclass, 'pg_catalog.pg_attrdef'::regclass,
                      'pg_catalog.pg_constraint'::regclass, 'pg_catalog.pg_class'::regclass,
                      'pg_catalog.pg_operator'::regclass, 'pg_catalog.pg_cast'::regclass))
            UNION ALL
            SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'view' ELSE 'table' END, c.relnamespace, c.relname,
                   c.relowner
            FROM pg_catalog.pg_class c
            WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.oid IN (
                SELECT adrelid FROM pg_catalog.pg_attrdef
                UNION ALL SELECT polrelid FROM pg_catalog.pg_policy
                UNION ALL SELECT tgrelid FROM pg_catalog.pg_trigger WHERE NOT tgisinternal
                UNION ALL SELECT ev_class FROM pg_catalog.pg_rewrite
                UNION ALL SELECT conrelid FROM pg_catalog.pg_constraint WHERE contype = 'c'
                UNION ALL SELECT indrelid FROM pg_catalog.pg_index WHERE indexprs IS NOT NULL OR indpred IS NOT NULL)
        ) x
        JOIN pg_catalog.pg_namespace n ON n.oid = x.space
        JOIN pg_catalog.pg_roles o ON o.oid = x.owner
        WHERE NOT o.rolsuper AND o.rolname <> CURRENT_USER AND o.rolname <> ALL (\(trusted))
        ORDER BY 1, 2, 3
        """
    }

    /// What a new session of the role would begin with, the strongest source of each setting only.
    ///
    /// Settings that a running session cannot change are left out.
    static func settings(of role: String) -> SQL {
        """
        SELECT DISTINCT ON (s.name) s.name, s.value
        FROM (
            SELECT split_part(c, '=', 1) AS name, substr(c, strpos(c, '=') + 1) AS value,
                   CASE WHEN d.setrole <> 0 AND d.setdatabase <> 0 THEN 1 WHEN d.setrole <> 0 THEN 2
                   WHEN d.setdatabase <> 0 THEN 3 ELSE 4 END AS rank
            FROM pg_catalog.pg_db_role_setting d, unnest(d.setconfig) c
            WHERE d.setrole IN (0, (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = \(role)))
              AND d.setdatabase IN
                  (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))
            UNION ALL
            SELECT name, reset_val, 5 FROM pg_catalog.pg_settings WHERE name = 'search_path'
        ) s
        LEFT JOIN pg_catalog.pg_settings p ON p.name = s.name
        WHERE coalesce(p.context, 'user') IN ('user', 'superuser') AND s.name NOT IN ('role', 'session_authorization')
        ORDER BY s.name, s.rank
        """
    }
}
