import PostgresClient

/// What the oracle asks the catalog: who is held to which policies where, and how to name what it explains.
enum OracleQueries {
    /// Of these tables whether the connected role is held to their policies, and the columns that are never NULL; none of
    /// the partitioned tables without a partition, of which every statement has no row.
    static func facts(_ tables: [ObjectName]) -> SQL {
        """
        SELECT n.nspname AS schema, c.relname AS name, pg_catalog.row_security_active(c.oid) AS is_held,
               1 + (SELECT count(*) FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid)
                 + CASE c.relkind WHEN 'p' THEN 2 * (SELECT count(*) FROM pg_catalog.pg_partition_tree(c.oid)) ELSE 0
                   END AS weight,
               ARRAY(SELECT t.attname FROM pg_catalog.pg_attribute t WHERE t.attrelid = c.oid AND t.attnotnull) AS filled
        FROM ROWS FROM (pg_catalog.unnest(\(tables.map(\.schema))), pg_catalog.unnest(\(tables.map(\.name))))
             t(schema, name)
        JOIN pg_catalog.pg_namespace n ON n.nspname = t.schema
        JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.name
        WHERE c.relkind = 'r' OR EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid)
        """
    }

    /// Tables with row security, the roles that may read or change them, and the policies that hold for each, with what
    /// those ask of new rows.
    ///
    /// Roles are those that hold a privilege, directly, by membership, or as one of `declared` by way of PUBLIC. Those with
    /// the same policies stand in one row. `weight` counts the locks that an EXPLAIN takes.
    static func subjects(_ tables: [ObjectName], declared: [String]) -> SQL {
        """
        WITH RECURSIVE secured AS (
            SELECT c.oid, c.relnamespace, n.nspname, c.relname, c.relowner, c.relforcerowsecurity, c.relacl,
                   1 + (SELECT count(*) FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid)
                     + CASE c.relkind WHEN 'p' THEN 2 * (SELECT count(*) FROM pg_catalog.pg_partition_tree(c.oid)) ELSE 0
                       END AS weight
            FROM ROWS FROM (pg_catalog.unnest(\(tables.map(\.schema))), pg_catalog.unnest(\(tables.map(\.name))))
                 t(schema, name)
            JOIN pg_catalog.pg_namespace n ON n.nspname = t.schema
            JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.name
            WHERE c.relrowsecurity
              AND (c.relkind = 'r' OR EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid))
        ),
        granted AS (
            SELECT s.oid, a.grantee FROM secured s, pg_catalog.aclexplode(s.relacl) a
            UNION
            SELECT s.oid, a.grantee
            FROM secured s JOIN pg_catalog.pg_attribute t ON t.attrelid = s.oid, pg_catalog.aclexplode(t.attacl) a
        ),
        holder AS (
            SELECT g.oid, r.oid AS role FROM granted g JOIN pg_catalog.pg_roles r
                ON r.oid = g.grantee OR (g.grantee = 0 AND r.rolname = ANY (\(declared)))
            UNION
            SELECT h.oid, m.member FROM holder h JOIN pg_catalog.pg_auth_members m ON m.roleid = h.role
        )
        SELECT s.nspname AS schema, s.relname AS name, c.command, a.policies, s.weight,
               a.open, a.checks, a.floors, a.open_checks,
               pg_catalog.array_agg(r.rolname ORDER BY r.rolname) AS roles,
               (SELECT t.attname FROM pg_catalog.pg_attribute t
                WHERE t.attrelid = s.oid AND t.attnum > 0 AND NOT t.attisdropped AND t.attgenerated = ''
                  AND t.attidentity <> 'a'
                  AND pg_catalog.has_column_privilege(pg_catalog.min(r.rolname), s.oid, t.attnum, 'UPDATE')
                ORDER BY t.attnum LIMIT 1) AS writable,
               ARRAY(SELECT t.attname FROM pg_catalog.pg_attribute t WHERE t.attrelid = s.oid AND t.attnotnull) AS filled
        FROM secured s
        JOIN holder h ON h.oid = s.oid
        JOIN pg_catalog.pg_roles r ON r.oid = h.role
        CROSS JOIN (VALUES ('SELECT', 'r'), ('INSERT', 'a'), ('UPDATE', 'w'), ('DELETE', 'd')) c(command, letter),
        LATERAL (
            SELECT coalesce(pg_catalog.array_agg(p.polname ORDER BY p.polname), '{}') AS policies,
                   coalesce(pg_catalog.array_agg(p.polname ORDER BY p.polname) FILTER (
                       WHERE p.polpermissive
                         AND pg_catalog.pg_get_expr(p.polqual, p.polrelid) = 'true'), '{}') AS open,
                   coalesce(pg_catalog.array_agg(p.polname ORDER BY p.polname) FILTER (
                       WHERE p.polpermissive AND x.text = 'true'), '{}') AS open_checks,
                   -- Without WITH CHECK the policy's USING is for new rows too.
                   pg_catalog.array_agg(x.text ORDER BY p.polname) FILTER (WHERE p.polpermissive) AS checks,
                   pg_catalog.array_agg(x.text ORDER BY p.polname) FILTER (WHERE NOT p.polpermissive) AS floors
            FROM pg_catalog.pg_policy p,
            LATERAL (SELECT pg_catalog.pg_get_expr(coalesce(p.polwithcheck, p.polqual), p.polrelid) AS text) x
            WHERE p.polrelid = s.oid AND p.polcmd::text IN ('*', c.letter) AND EXISTS (
                SELECT FROM pg_catalog.unnest(p.polroles) g
                WHERE g = 0 OR pg_catalog.pg_has_role(r.oid, g, 'USAGE'))
        ) a
        WHERE NOT r.rolsuper AND NOT r.rolbypassrls
          AND (s.relforcerowsecurity OR NOT pg_catalog.pg_has_role(r.oid, s.relowner, 'USAGE'))
          AND pg_catalog.has_schema_privilege(r.oid, s.relnamespace, 'USAGE')
          AND CASE c.command WHEN 'DELETE' THEN pg_catalog.has_table_privilege(r.oid, s.oid, 'DELETE')
              ELSE pg_catalog.has_any_column_privilege(r.oid, s.oid, c.command) END
        GROUP BY s.oid, s.nspname, s.relname, s.weight, c.command, a.policies, a.open, a.checks, a.floors, a.open_checks
        ORDER BY 1, 2, 3, 4
        """
    }

    /// Views that some role may read and that read these tables as an owner whom row security does not hold.
    ///
    /// A view over such a view passes its rows on; one with `security_invoker` reads its tables as whoever asks, wherever
    /// it stands. Materialized views hold rows of their own.
    static func leakingViews(_ tables: [ObjectName]) -> SQL {
        """
        WITH RECURSIVE secured AS (
            SELECT c.oid, n.nspname, c.relname, c.relowner, c.relforcerowsecurity
            FROM ROWS FROM (pg_catalog.unnest(\(tables.map(\.schema))), pg_catalog.unnest(\(tables.map(\.name))))
                 t(schema, name)
            JOIN pg_catalog.pg_namespace n ON n.nspname = t.schema
            JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.name
            WHERE c.relrowsecurity
        ),
        reads AS (
            SELECT DISTINCT w.ev_class AS view, d.refobjid AS source
            FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite w ON w.oid = d.objid
            WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
              AND w.ev_class <> d.refobjid
        ),
        leaking AS (
            SELECT s.oid AS source, c.oid AS view, c.oid AS first, o.rolname AS owner
            FROM secured s
            JOIN reads e ON e.source = s.oid
            JOIN pg_catalog.pg_class c ON c.oid = e.view
            JOIN pg_catalog.pg_roles o ON o.oid = c.relowner
            WHERE (c.relkind = 'm' OR c.relkind = 'v' AND NOT coalesce((
                      SELECT x.option_value::boolean FROM pg_catalog.pg_options_to_table(c.reloptions) x
                      WHERE x.option_name = 'security_invoker'), false))
              AND (o.rolsuper OR o.rolbypassrls
                   OR NOT s.relforcerowsecurity AND pg_catalog.pg_has_role(o.oid, s.relowner, 'USAGE'))
            UNION
            SELECT l.source, e.view, l.first, l.owner FROM leaking l JOIN reads e ON e.source = l.view
        )
        SELECT s.nspname AS schema, s.relname AS name, n.nspname AS view_schema, v.relname AS view,
               f.relname <> v.relname AS is_chain, l.owner, v.relkind = 'm' AS is_copy,
               pg_catalog.array_agg(DISTINCT r.rolname ORDER BY r.rolname) AS roles
        FROM leaking l
        JOIN secured s ON s.oid = l.source
        JOIN pg_catalog.pg_class v ON v.oid = l.view
        JOIN pg_catalog.pg_class f ON f.oid = l.first
        JOIN pg_catalog.pg_namespace n ON n.oid = v.relnamespace,
        LATERAL (
            SELECT coalesce(g.rolname, 'PUBLIC') AS rolname
            FROM pg_catalog.aclexplode(v.relacl) a LEFT JOIN pg_catalog.pg_roles g ON g.oid = a.grantee
            WHERE a.grantee <> v.relowner AND coalesce(NOT g.rolsuper AND NOT g.rolbypassrls, true)
            UNION
            SELECT coalesce(g.rolname, 'PUBLIC')
            FROM pg_catalog.pg_attribute t, pg_catalog.aclexplode(t.attacl) a
                LEFT JOIN pg_catalog.pg_roles g ON g.oid = a.grantee
            WHERE t.attrelid = v.oid AND a.grantee <> v.relowner AND coalesce(NOT g.rolsuper AND NOT g.rolbypassrls, true)
        ) r
        GROUP BY 1, 2, 3, 4, 5, 6, 7
        ORDER BY 1, 2, 3, 4, 5
        """
    }

    /// Of these function names those that only stand for functions whose value is the same during one statement.
    static func stable(among names: [String]) -> SQL {
        """
        SELECT p.proname FROM pg_catalog.pg_proc p WHERE p.proname = ANY (\(names))
        GROUP BY p.proname HAVING pg_catalog.bool_and(p.provolatile = 's')
        """
    }
}
