import Platform

/// The table of contents at the front of a pg_dump archive: what the dump says it holds, and how to make it again.
package struct ArchiveTOC: Sendable, Equatable {
    /// 14, 15 or 16: the archive format's minor version (1.14 is PostgreSQL 12 to 15, 1.15 is 16, 1.16 is 17 and 18).
    package let formatMinor: Int
    package let databaseName: String
    /// `15.18 (Debian 15.18-0+deb12u1)`, as the server reported it.
    package let serverVersion: String
    package let dumpVersion: String
    package let entries: [Entry]

    package init(
        formatMinor: Int, databaseName: String, serverVersion: String, dumpVersion: String, entries: [Entry]
    ) {
        self.formatMinor = formatMinor
        self.databaseName = databaseName
        self.serverVersion = serverVersion
        self.dumpVersion = dumpVersion
        self.entries = entries
    }

    /// One object of the dump, or one object's data.
    package struct Entry: Sendable, Equatable {
        package var dumpID: Int
        /// Whether a block of data belongs to it.
        package var hasData: Bool
        package var tableOID: UInt32
        package var oid: UInt32
        /// The object's name, for instance `orders` or `total(integer)`.
        package var tag: String
        /// The kind of object: `TABLE`, `TABLE DATA`, `SEQUENCE SET`, `ACL`.
        package var kind: String
        package var section: Section
        /// The SQL that makes the object.
        package var definition: String
        package var dropStatement: String
        /// `COPY public.orders (id, user_id) FROM stdin;` for a table's data.
        package var copyStatement: String?
        package var namespace: String?
        package var tablespace: String?
        package var accessMethod: String?
        /// pg_class.relkind from format 1.16 on; 0 before.
        package var relkind: Int
        package var owner: String
        package var dependencies: [Int]
    }

    package enum Section: Int, Sendable {
        case none = 1
        case preData = 2
        case data = 3
        case postData = 4
    }

    /// The first entry of a kind, such as `DATABASE`.
    package func first(_ kind: String) -> Entry? {
        entries.first { $0.kind == kind }
    }
}

/// A table as a dump names it.
package struct TableName: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package let schema: String
    package let name: String

    package init(schema: String, name: String) {
        self.schema = schema
        self.name = name
    }

    package var description: String { "\(schema).\(name)" }

    package static func < (left: TableName, right: TableName) -> Bool {
        (left.schema, left.name) < (right.schema, right.name)
    }
}

extension ArchiveTOC {
    /// The partitioned table at the top for every partition in this dump.
    ///
    /// Rows of hash partitions move between leaves when a dump is restored (an enum's values get new object ids), so
    /// content is compared at the root. The dump itself knows the tree: each `TABLE ATTACH` entry depends on the table
    /// that it attaches and on the one that it is attached to.
    package var partitionRoots: [TableName: TableName] {
        var tables: [Int: TableName] = [:]
        for entry in entries where entry.kind == "TABLE" || entry.kind == "FOREIGN TABLE" {
            tables[entry.dumpID] = TableName(schema: entry.namespace ?? "", name: entry.tag)
        }
        var parents: [TableName: TableName] = [:]
        for entry in entries where entry.kind == "TABLE ATTACH" {
            let child = TableName(schema: entry.namespace ?? "", name: entry.tag)
            let parent = entry.dependencies.lazy.compactMap { tables[$0] }.first { $0 != child }
            if let parent { parents[child] = parent }
        }
        return Dictionary(uniqueKeysWithValues: parents.keys.map { ($0, root(of: $0, in: parents)) })
    }

    private func root(of table: TableName, in parents: [TableName: TableName]) -> TableName {
        var current = table
        // A hostile archive may name a cycle; a real tree is never deeper than its tables are many.
        for _ in 0..<parents.count {
            guard let parent = parents[current] else { break }
            current = parent
        }
        return current
    }
}

extension PlainFailure {
    /// The archive does not follow pg_dump's custom format.
    static func archive(_ problem: String) -> PlainFailure {
        PlainFailure(.malformed, "the archive is damaged: \(problem)")
    }
}
