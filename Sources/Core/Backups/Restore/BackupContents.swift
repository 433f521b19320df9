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
        guard backup.manifest.dump(of: database) != nil else {
            throw PlainFailure(.inputMissing, "\(backup.stored.name) has no dump of \"\(database)\"")
        }
        let dump = try await reading.dump(of: database, in: backup)
        return try await onOwnThread { [reading] in
            var tables: Set<String> = []
            var rows: Int?
            for stream in dump.streams {
                let copier = RowCopier(of: table, roots: dump.partitionRoots, into: sink)
                tables.formUnion(copier.names(in: stream.front.toc))
                // A file without rows of the table need not be read.
                guard copier.names(in: stream.front.toc).contains(table) else { continue }
                let reader = ArchiveReader(copier)
                try reading.open(stream.file, into: reader)
                rows = (rows ?? 0) + reader.consumer.rows
            }
            guard let rows else {
                throw PlainFailure(
                    .inputMissing, "there are no rows of a table \(table) in this dump of \"\(database)\"",
                    hint: Suggestion.nearest(to: table, among: tables.sorted()).map { "did you mean \($0)?" })
            }
            try sink.finish()
            return rows
        }
    }
}

/// Passes on the rows of one table, some kilobytes at a time.
private struct RowCopier: ArchiveConsumer {
    private(set) var rows = 0
    private let wanted: String
    private let sink: any ByteSink
    private let roots: [TableName: TableName]
    private var isWanted = false
    private var line: [UInt8] = []
    private var waiting: [UInt8] = []

    init(of wanted: String, roots: [TableName: TableName], into sink: any ByteSink) {
        self.wanted = wanted
        self.roots = roots
        self.sink = sink
    }

    /// The tables with rows here, also those whose partitions have them.
    func names(in toc: ArchiveTOC) -> Set<String> {
        let names = toc.entries.filter { $0.kind == "TABLE DATA" }.map(\.relation)
        return Set((names + names.compactMap { roots[$0] }).map(\.description))
    }

    func begin(_ toc: ArchiveTOC) {}

    mutating func beginData(of entry: ArchiveTOC.Entry) {
        let name = entry.relation
        isWanted =
            entry.kind == "TABLE DATA" && (name.description == wanted || roots[name]?.description == wanted)
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
