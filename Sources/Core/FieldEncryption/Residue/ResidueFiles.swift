import Platform
import PostgresClient

/// Reads the server's files through the server, in pieces, and looks for the values in them.
struct ResidueFiles: Sendable {
    /// What a file may hold besides bytes as they are.
    enum Content {
        case bytes
        /// Pages of a table, an index or a TOAST table, with values that are compressed.
        case pages(CompressedValues.Kind)
    }

    private static let chunk = 4 << 20

    private let connection: Connection
    let search: PatternSearch
    private let page: Int
    private let progress: ProgressHandler?

    init(_ connection: Connection, _ search: PatternSearch, page: Int, _ progress: ProgressHandler?) {
        (self.connection, self.search, self.page, self.progress) = (connection, search, page, progress)
    }

    /// Adds what is in the files of a relation to what is known of a place.
    func look(into relation: UInt32, _ content: Content, _ place: inout ResiduePlace) async throws {
        let path: String? = try await connection.query("SELECT pg_catalog.pg_relation_filepath(\(relation))").one()[0]
        guard let path else { return }
        var sight = Sight(search, content, page)
        // A file has at most a gigabyte; the next has a number.
        var segment = 0
        while try await read(segment == 0 ? path : "\(path).\(segment)", &sight, place.name) { segment += 1 }
        sight.tell(&place)
    }

    /// The same of a single file; false when it is not there.
    func look(into path: String, _ place: inout ResiduePlace, as name: String? = nil) async throws -> Bool {
        var sight = Sight(search, .bytes, page)
        guard try await read(path, &sight, name ?? place.name) else { return false }
        sight.tell(&place)
        return true
    }

    /// The same of values that a query gives.
    func look(into rows: Rows, _ place: inout ResiduePlace) throws {
        var sight = Sight(search, .bytes, page)
        for row in rows { try row.withBytes(of: 0) { bytes in if let bytes { sight.feed(bytes) } } }
        sight.tell(&place)
    }

    private func read(_ path: String, _ sight: inout Sight, _ name: String) async throws -> Bool {
        var offset = 0
        while true {
            let row = try await connection.query(
                "SELECT pg_catalog.pg_read_binary_file(\(path), \(offset)::int8, \(Self.chunk)::int8, true)",
                format: .binary
            ).one()
            let count: Int? = try row.withBytes(of: 0) { bytes in
                guard let bytes else { return nil }
                sight.feed(bytes)
                return bytes.count
            }
            guard let count else { return false }
            offset += count
            progress?(Progress("searching \(name)", bytes: sight.bytes))
            if count < Self.chunk { return true }
        }
    }
}

/// What is seen of one stream of bytes.
private struct Sight {
    private var pass: PatternSearch.Pass
    private var compressed: CompressedValues?

    init(_ search: PatternSearch, _ content: ResidueFiles.Content, _ page: Int) {
        pass = search.pass()
        if case .pages(let kind) = content { compressed = CompressedValues(kind, page: page, search) }
    }

    var bytes: Int { pass.bytes }

    mutating func feed(_ piece: Span<UInt8>) {
        pass.feed(piece)
        compressed?.feed(piece)
    }

    mutating func tell(_ place: inout ResiduePlace) {
        compressed?.finish()
        place.bytes += pass.bytes
        place.found.formUnion(pass.found)
        if let compressed { place.found.formUnion(compressed.found) }
        place.occurrences += pass.count + (compressed?.times ?? 0)
        place.compressed += compressed?.count ?? 0
        if place.occurrences > 0 { place.verdict = .found }
        if let compressed, compressed.skipped > 0, place.verdict == .clean {
            place.verdict = .unknown
            place.why = "\(compressed.skipped) compressed values are too long to be looked into"
        }
    }
}

extension ResidueSearch {
    /// Heap, TOAST and indexes of the table and its partitions.
    ///
    /// - Parameter live: how many rows hold one of the values rightly, or not encrypted yet.
    func relations(_ live: Int, _ files: ResidueFiles) async throws -> [ResiduePlace] {
        let relations = try await StoredRelation.read([column.schema, column.table], on: connection)
        guard !relations.isEmpty else {
            throw PlainFailure(.inputMissing, "there is no table \(column.tableName)")
        }
        var places: [ResiduePlace] = []
        for relation in relations {
            var place = ResiduePlace(relation.kind, relation.name, .clean)
            try await files.look(into: relation.oid, relation.content, &place)
            if live > 0, place.verdict == .found, place.kind != .toast {
                // Rows that hold the values now are no residue; more copies than rows are.
                if place.occurrences <= live {
                    place.verdict = .clean
                    place.why = "only the \(live) rows that hold the values now"
                } else {
                    place.why = "\(live) of them may be rows that hold the values now"
                }
            }
            places.append(place)
        }
        return places
    }
}

/// A file that belongs to a table.
struct StoredRelation {
    let oid: UInt32
    let name: String
    let kind: ResiduePlace.Kind

    var content: ResidueFiles.Content { .pages(kind == .toast ? .pieces : .inPlace) }

    /// Those of a table, its partitions or a materialized view; none when there is no such table.
    static func read(_ path: [String], on connection: Connection) async throws -> [StoredRelation] {
        try await connection.query(
            """
            WITH leaf AS (
              SELECT p.relid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace,
                   LATERAL (SELECT relid FROM pg_catalog.pg_partition_tree(c.oid) WHERE isleaf UNION SELECT c.oid) p
              WHERE n.nspname = \(path[0]) AND c.relname = \(path[1]) AND c.relkind IN ('r', 'p', 'm')
            ), heap AS (
              SELECT c.oid, c.reltoastrelid FROM leaf JOIN pg_catalog.pg_class c ON c.oid = leaf.relid
              WHERE c.relkind IN ('r', 'm')
            )
            SELECT oid, oid::regclass::text AS name, 'heap' AS kind FROM heap
            UNION ALL SELECT reltoastrelid, 'TOAST of ' || oid::regclass::text, 'toast' FROM heap
              WHERE reltoastrelid <> 0
            UNION ALL SELECT i.indexrelid, i.indexrelid::regclass::text, 'index'
              FROM pg_catalog.pg_index i JOIN heap ON i.indrelid = heap.oid
            """
        ).map { row in
            let kind: String = try row["kind"]
            return StoredRelation(
                oid: try row["oid"], name: try row["name"], kind: ResiduePlace.Kind(rawValue: kind) ?? .heap)
        }
    }
}
