package import PostgresClient

/// Something that depends on the plaintext column, with what to do about it.
package struct Dependency: Sendable, Equatable, Encodable {
    package let kind: String
    package let name: String
    package let detail: String?
    package let advice: String
    /// Whether the plaintext column cannot be dropped as long as this is there.
    package let blocksDrop: Bool

    package var text: String {
        "\(kind) \(name)" + (detail.map { ": \($0)" } ?? "") + "\n    \(blocksDrop ? "before the drop: " : "")\(advice)"
    }

    /// Everything that depends on the column.
    package static func read(_ facts: ColumnFacts, on connection: Connection) async throws -> [Dependency] {
        let target: SQL = """
            WITH target AS (
                SELECT \(facts.relation)::pg_catalog.oid AS relation, \(facts.number)::pg_catalog.int2 AS number)

            """
        let query = target + SQL(raw: String(decoding: PackageResources.column_dependencies_sql, as: UTF8.self))
        return try await connection.query(query).map { row in
            let kind: String = try row["kind"]
            let (advice, blocks) = Self.advice[kind] ?? ("look whether it needs the plaintext", false)
            return Dependency(
                kind: kind, name: try row["name"], detail: try row["detail"], advice: advice, blocksDrop: blocks)
        }
    }

    private static let advice: [String: (String, Bool)] = [
        "generated": (
            "the generated column holds what is made of the plaintext: drop it, or let the application make it", true
        ),
        "default": ("the server cannot encrypt a default: let the application give the value", false),
        "view": ("point the view to the twin, or drop it", true),
        "materialized view": ("it keeps a copy of the plaintext: make it anew without the column, or drop it", true),
        "rule": ("rewrite the rule", true),
        "policy": ("a policy cannot decrypt: let it look at another column, or at a blind index", true),
        "unique": (
            "truncated indexes cannot be unique: declare one of full length with --unique-index, and let ON CONFLICT name it",
            false
        ),
        "exclusion": ("an exclusion constraint has no meaning over ciphertext: think of another rule", true),
        "index": (
            "it keeps the plaintext and goes with the column: searches need a blind index (dbpii advise-index)", false
        ),
        "foreign key": (
            "both sides need the same context and a full-length blind index, which the key is moved to; or another key",
            true
        ),
        "check": ("the server cannot look into the twin: let the application check", false),
        "trigger": (
            "it fires for every row that is encrypted, and may copy the plaintext elsewhere: look at what it writes",
            false
        ),
        "publication": ("subscribers need the twin before the backfill, and get the plaintext until the drop", false),
        "statistics": ("the statistics object holds plaintext samples and goes with the column", false),
        "column privilege": ("the same is granted on the twin and its index columns", false),
        "function": ("its text names table and column: look whether it needs the plaintext", false),
        "partitions": ("each is worked through by itself; new ones get triggers from the parent", false),
    ]
}
