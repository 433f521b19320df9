import PostgresClient

/// Other tables that the column's values may have been copied to.
extension ResidueSearch {
    /// Looks into materialized views of the column, tables that a trigger function of the table names, and tables with a column
    /// of the same name and type; of what a function in another language writes nothing is known.
    func copies(_ files: ResidueFiles) async throws -> [ResiduePlace] {
        let target: SQL = """
            WITH target AS (
                SELECT c.oid AS relation, \(column.column)::pg_catalog.name AS name, a.attnum AS number, a.atttypid AS type
                FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = \(column.column)
                WHERE n.nspname = \(column.schema) AND c.relname = \(column.table))
            SELECT * FROM (

            """
        let query =
            target + SQL(raw: String(decoding: PackageResources.residue_copies_sql, as: UTF8.self)) + ") AS copies"
        var places: [ResiduePlace] = []
        for row in try await connection.query(query) {
            let (schema, name, why): (String, String, String) = (try row["schema"], try row["name"], try row["why"])
            guard !schema.isEmpty else {
                places.append(ResiduePlace(.copy, name, .unknown, why: why))
                continue
            }
            var place = ResiduePlace(.copy, "\(schema).\(name)", .clean)
            for relation in try await StoredRelation.read([schema, name], on: connection) {
                try await files.look(into: relation.oid, relation.content, &place)
            }
            if place.verdict == .found { place.why = why }
            places.append(place)
        }
        return places
    }
}
