import PostgresClient

/// What a script asks the server it runs on, where PostgreSQL has no ALL IN SCHEMA.
enum ScriptQueries {
    /// The names of the objects of one kind in a schema, as a statement spells them; without members of extensions and
    /// without the sequences of columns, which follow their table.
    static func objects(_ kind: ObjectKind, in schema: String) -> SQL {
        switch kind {
        case .function:
            select(
                "%I.%I(%s)",
                "x.proname, CASE WHEN x.prokind = 'p' AND x.pronargs > 0 THEN 'IN ' ELSE '' END "
                    + "|| pg_catalog.oidvectortypes(x.proargtypes)",
                from: "pg_proc", "pronamespace", schema, "true")
        case .type:
            select(
                "%I.%I", "x.typname", from: "pg_type", "typnamespace", schema,
                "x.typisdefined AND x.typtype IN ('b', 'c', 'd', 'e', 'r') "
                    + "AND (x.typelem = 0 OR x.typsubscript <> 'pg_catalog.array_subscript_handler'::regproc) "
                    + "AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = x.typrelid AND c.relkind <> 'c')"
            )
        case .sequence:
            select(
                "%I.%I", "x.relname", from: "pg_class", "relnamespace", schema,
                "x.relkind = 'S' AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d "
                    + "WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = x.oid AND d.refobjsubid > 0 "
                    + "AND d.deptype IN ('a', 'i'))")
        default:
            select(
                "%I.%I", "x.relname", from: "pg_class", "relnamespace", schema, "x.relkind IN ('r', 'p', 'v', 'm', 'f')"
            )
        }
    }

    private static func select(
        _ format: String, _ name: String, from catalog: String, _ space: String, _ schema: String, _ condition: String
    ) -> SQL {
        """
        SELECT pg_catalog.format('\(raw: format)', n.nspname, \(raw: name)) \
        FROM pg_catalog.\(raw: catalog) x JOIN pg_catalog.pg_namespace n ON n.oid = x.\(raw: space) \
        WHERE n.nspname = \(literal: schema) AND \(raw: condition) \
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.\(raw: catalog)'::regclass \
        AND d.objid = x.oid AND d.deptype = 'e') ORDER BY 1
        """
    }
}
