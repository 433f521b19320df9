import PostgresClient

/// What the planner's oracle asks the catalog before it lets anything be planned.
enum LintOracleQueries {
    /// Tables with policies whose planning may touch what untrusted owners made: the table itself, functions, operators
    /// and types of its policies, checks, defaults and indexes, and whatever those refer to.
    ///
    /// The owner of a table or view counts too: built-in functions, which the catalog records nowhere, can do harm in
    /// the expressions that only the owner writes.
    static func untrusted(butOwnedBy trusted: [String]) -> SQL {
        """
        WITH RECURSIVE untrusted AS (
            SELECT oid, rolname FROM pg_catalog.pg_roles
            WHERE NOT rolsuper AND rolname <> CURRENT_USER AND rolname <> ALL (\(trusted))
        ),
        attached AS (
            SELECT polrelid AS relation, 'pg_catalog.pg_policy'::regclass::oid AS class, oid AS object
            FROM pg_catalog.pg_policy
            UNION ALL
            SELECT conrelid, 'pg_catalog.pg_constraint'::regclass, oid FROM pg_catalog.pg_constraint
            WHERE contype IN ('c', 'x')
            UNION ALL
            SELECT indrelid, 'pg_catalog.pg_class'::regclass, indexrelid FROM pg_catalog.pg_index
            WHERE indexprs IS NOT NULL OR indpred IS NOT NULL
            UNION ALL
            SELECT adrelid, 'pg_catalog.pg_attrdef'::regclass, oid FROM pg_catalog.pg_attrdef
            UNION ALL
            SELECT ev_class, 'pg_catalog.pg_rewrite'::regclass, oid FROM pg_catalog.pg_rewrite
            UNION ALL
            SELECT inhparent, 'pg_catalog.pg_class'::regclass, inhrelid FROM pg_catalog.pg_inherits
        ),
        edges (class, object, next, target) AS MATERIALIZED (
            SELECT 'pg_catalog.pg_class'::regclass::oid, relation, class, object FROM attached
            UNION ALL
            SELECT d.classid, d.objid, d.refclassid, d.refobjid FROM pg_catalog.pg_depend d
            WHERE d.refobjid >= 16384
              AND d.refclassid IN ('pg_catalog.pg_class'::regclass, 'pg_catalog.pg_proc'::regclass,
                  'pg_catalog.pg_operator'::regclass, 'pg_catalog.pg_type'::regclass,
                  'pg_catalog.pg_collation'::regclass)
            UNION ALL
            SELECT 'pg_catalog.pg_operator'::regclass, o.oid, 'pg_catalog.pg_proc'::regclass, o.oprcode
            FROM pg_catalog.pg_operator o WHERE o.oid >= 16384
            UNION ALL
            SELECT 'pg_catalog.pg_type'::regclass, k.contypid, 'pg_catalog.pg_constraint'::regclass, k.oid
            FROM pg_catalog.pg_constraint k WHERE k.contypid <> 0
        ),
        reached (root, class, object) AS (
            SELECT DISTINCT polrelid, 'pg_catalog.pg_class'::regclass::oid, polrelid FROM pg_catalog.pg_policy
            UNION
            SELECT r.root, e.next, e.target FROM reached r JOIN edges e ON e.class = r.class AND e.object = r.object
        )
        SELECT r.root AS relation, min(u.rolname) AS owner
        FROM reached r
        LEFT JOIN pg_catalog.pg_class c ON r.class = 'pg_catalog.pg_class'::regclass AND c.oid = r.object
        LEFT JOIN pg_catalog.pg_proc p ON r.class = 'pg_catalog.pg_proc'::regclass AND p.oid = r.object
        LEFT JOIN pg_catalog.pg_operator o ON r.class = 'pg_catalog.pg_operator'::regclass AND o.oid = r.object
        LEFT JOIN pg_catalog.pg_type t ON r.class = 'pg_catalog.pg_type'::regclass AND t.oid = r.object
        JOIN untrusted u ON u.oid IN (c.relowner, p.proowner, o.oprowner, t.typowner)
        GROUP BY r.root
        """
    }
}
