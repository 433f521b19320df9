package import Cryptography
package import Platform
import SystemPackage

/// What a backup holds, read without a server: its content index, or the rows of one table.
package struct BackupContents: Sendable {
    private let backup: AuthenticBackup
    private let reading: SealedReading

    package init(_ backup: AuthenticBackup, identities: [AgeIdentity], progress: ProgressHandler? = nil) {
        self.backup = backup
        reading = SealedReading(identities: identities, progress: progress)
    }

    /// - Throws: status 65 when it is not what was signed.
    package func index() async throws -> IndexDocument {
        try await reading.index(of: backup)
    }

    /// Pushes the rows of a table into the sink as COPY text, a partitioned table's from all its partitions.
    ///
    /// The dump is held against the manifest before its first row is released.
    ///
    /// - Parameter table: as `public.orders`.
    /// - Returns: the number of rows.
    /// - Throws: status 66 for a table that is not in the dump.
    package func copyRows(of table: String, in database: String, into sink: any ByteSink & Sendable) async throws -> Int
    {
        guard let dump = backup.manifest.dump(of: database) else {
            throw PlainFailure(.inputMissing, "\(backup.stored.name) has no dump of \"\(database)\"")
        }
        return try await onOwnThread { [reading, stored = backup.stored] in
            let file = try VerifiedFile(dump, in: stored)
            let reader = ArchiveReader(RowCopier(of: table, into: sink))
            try reading.open(file, into: reader)
            guard reader.consumer.isFound else {
                throw PlainFailure(
                    .inputMissing, "there are no rows of a table \(table) in this dump of \"\(database)\"",
                    hint: Suggestion.nearest(to: table, among: reader.consumer.tables).map { "did you mean \($0)?" })
            }
            try sink.finish()
            return reader.consumer.rows
        }
    }
}

/// Passes on the rows of one table, some kilobytes at a time.
private struct RowCopier: ArchiveConsumer {
    private(set) var tables: [String] = []
    private(set) var isFound = false
    private(set) var rows = 0
    private let wanted: String
    private let sink: any ByteSink
    private var roots: [TableName: TableName] = [:]
    private var isWanted = false
    private var line: [UInt8] = []
    private var waiting: [UInt8] = []

    init(of wanted: String, into sink: any ByteSink) {
        self.wanted = wanted
        self.sink = sink
    }

    mutating func begin(_ toc: ArchiveTOC) {
        roots = toc.partitionRoots
        let names = toc.entries.filter { $0.kind == "TABLE DATA" }.map(\.tableName)
        tables = Set(names + names.compactMap { roots[$0] }).map(\.description).sorted()
    }

    mutating func beginData(of entry: ArchiveTOC.Entry) {
        let name = entry.tableName
        isWanted =
            entry.kind == "TABLE DATA" && (name.description == wanted || roots[name]?.description == wanted)
        isFound = isFound || isWanted
        line = []
    }

    /// A line feed ends a row and never stands inside one; the line `\.` ends the rows.
    mutating func data(_ bytes: Span<UInt8>) throws {
        guard isWanted else { return }
        for index in bytes.indices {
            line.append(bytes[index])
            guard bytes[index] == UInt8(ascii: "\n") else { continue }
            guard line != Array("\\.\n".utf8) else {
                isWanted = false
                return
            }
            waiting += line
            line.removeAll(keepingCapacity: true)
            rows += 1
            if waiting.count >= 1 << 16 { try flush() }
        }
    }

    mutating func endData() throws {
        try flush()
        isWanted = false
    }

    mutating func beginLargeObject(_ oid: UInt32) {}
    mutating func endLargeObject() {}

    private mutating func flush() throws {
        let ready = waiting
        try sink.write(ready.span)
        waiting.removeAll(keepingCapacity: true)
    }
}

extension ArchiveTOC.Entry {
    fileprivate var tableName: TableName { TableName(schema: namespace ?? "", name: tag) }
}
