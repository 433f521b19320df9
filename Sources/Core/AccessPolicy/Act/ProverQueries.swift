import PostgresClient

/// What a proof asks the catalog before it acts as a role.
enum ProverQueries {
    /// Code of untrusted owners that may run when the statements do.
    ///
    /// That is every function that something else depends on (triggers, policies, views, defaults, constraints, indexes,
    /// operators, casts, aggregates, other functions) or that a statement names, since overloads and search_path leave
    /// open which one is meant; and tables, views and domains with expressions of their own and operators, since built-in
    /// functions, on which the catalog records no dependency, can do harm too.
    static func reachable(butOwnedBy trusted: [String], statements: [String]) -> SQL {
        """
        SELECT x.kind, n.nspname AS schema, x.name, o.rolname AS owner
        FROM (
            SELECT 'function' AS kind, p.pronamespace AS space, p.proname AS name, p.proowner AS owner
            FROM pg_catalog.pg_proc p
            WHERE pg_catalog.lower(p.proname) = ANY (\(StatementWords.words(in: statements))) OR EXISTS (
                SELECT FROM pg_catalog.pg_depend d
                WHERE d.refclassid = 'pg_catalog.pg_proc'::regclass AND d.refobjid = p.oid)
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
                UNION ALL SELECT partrelid FROM pg_catalog.pg_partitioned_table WHERE partexprs IS NOT NULL
                UNION ALL SELECT indrelid FROM pg_catalog.pg_index WHERE indexprs IS NOT NULL OR indpred IS NOT NULL)
            UNION ALL
            SELECT 'domain', t.typnamespace, t.typname, t.typowner
            FROM pg_catalog.pg_type t
            WHERE t.typtype = 'd' AND (t.typdefault IS NOT NULL OR EXISTS (
                SELECT FROM pg_catalog.pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'))
            UNION ALL
            SELECT 'operator', p.oprnamespace, p.oprname, p.oprowner FROM pg_catalog.pg_operator p
        ) x
        JOIN pg_catalog.pg_namespace n ON n.oid = x.space
        JOIN pg_catalog.pg_roles o ON o.oid = x.owner
        WHERE NOT o.rolsuper AND o.rolname <> CURRENT_USER AND o.rolname <> ALL (\(trusted))
        ORDER BY 1, 2, 3
        """
    }

    /// Whose policies may hold below a view: owners of views that run as their owner, unless they bypass them anyway.
    static let viewOwners: SQL = """
        SELECT DISTINCT r.rolname
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
        WHERE c.relkind = 'v' AND NOT r.rolsuper AND NOT r.rolbypassrls
          AND NOT coalesce((SELECT o.option_value::boolean FROM pg_catalog.pg_options_to_table(c.reloptions) o
                            WHERE o.option_name = 'security_invoker'), false)
        ORDER BY 1
        """

    /// Roles that bypass row security and that the session may become as it is.
    static let bypassing: SQL = """
        SELECT r.rolname FROM pg_catalog.pg_roles r
        WHERE r.rolbypassrls AND r.rolname <> CURRENT_USER AND pg_catalog.pg_has_role(
            r.oid, CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 160000
                        THEN 'SET' ELSE 'MEMBER' END)
        ORDER BY 1 LIMIT 3
        """

    /// Whether any of these functions may ask who calls it (whatever is not PostgreSQL's own may), or the change of one of
    /// these tables sets off a trigger, which may too.
    static func asksCaller(functions: [String], changed: [ObjectName]) -> SQL {
        """
        SELECT EXISTS (
            SELECT FROM pg_catalog.pg_proc p
            WHERE p.proname = ANY (\(functions))
              AND (p.pronamespace <> 'pg_catalog'::regnamespace
                   OR p.proname ~ '^(has_.*_privilege|pg_has_role|row_security_active|current_setting|.*_to_xml.*)$')
        ) OR EXISTS (
            SELECT FROM ROWS FROM (unnest(\(changed.map(\.schema))), unnest(\(changed.map(\.name)))) x(schema, name)
            JOIN pg_catalog.pg_namespace n ON n.nspname = x.schema
            JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = x.name
            JOIN pg_catalog.pg_trigger t ON NOT t.tgisinternal
                AND (t.tgrelid = c.oid OR t.tgrelid IN (SELECT relid FROM pg_catalog.pg_partition_tree(c.oid)))
        )
        """
    }

    /// Settings that would end the session in the middle, or change how we read its answers.
    private static let notForTests = [
        "role", "session_authorization", "client_encoding", "statement_timeout", "transaction_timeout",
        "idle_in_transaction_session_timeout",
    ]

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
        WHERE coalesce(p.context, 'user') IN ('user', 'superuser') AND s.name <> ALL (\(notForTests))
        ORDER BY s.name, s.rank
        """
    }
}
