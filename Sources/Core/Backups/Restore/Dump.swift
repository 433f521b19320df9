import Platform

/// The dump of one database as it lies in a backup: one archive, or a first one and others that hold rows of large tables.
struct Dump: Sendable {
    let streams: [Stream]
    /// All entries, in the order in which they are restored.
    var items: [Item]

    struct Stream: Sendable {
        let file: VerifiedFile
        let front: ArchiveFront
    }

    /// An entry of the whole, and where it stands.
    struct Item: Sendable {
        /// Numbered within the whole.
        var entry: ArchiveTOC.Entry
        var raw: RawEntry
        let stream: Int
        /// Its number in its stream.
        let number: Int
        let stage: Stage
    }

    /// When it is restored, as pg_restore does it: privileges come after the rows, since an owner may have none.
    enum Stage: Sendable {
        case preData
        case data
        case postData
        /// Says how the archive is to be read.
        case always
    }

    init(_ streams: [Stream]) throws {
        guard let first = streams.first else { throw PlainFailure(.malformed, "the manifest names no dump") }
        self.streams = streams
        partitionRoots = first.front.toc.partitionRoots
        var items = Self.items(of: first.front, 0)
        var tables: [TableName: Int] = [:]
        for item in items where item.entry.kind == "TABLE" { tables[item.entry.relation] = item.entry.dumpID }
        var present = Set(items.map { ObjectTitle($0.entry) })
        var number = items.map(\.entry.dumpID).max() ?? 0
        var rows: [Item] = []
        for (index, stream) in streams.enumerated().dropFirst() {
            // A sequence that belongs to a table comes with each of them.
            for var item in Self.items(of: stream.front, index)
            where item.stage == .data && present.insert(ObjectTitle(item.entry)).inserted {
                number += 1
                let others = tables[item.entry.relation].map { [$0] } ?? []
                item.entry.dumpID = number
                item.entry.dependencies = others
                item.raw = item.raw.renumbered(number, dependingOn: others)
                rows.append(item)
            }
        }
        let place = items.lastIndex { $0.stage == .data }.map { $0 + 1 } ?? items.firstIndex { $0.stage == .postData }
        items.insert(contentsOf: rows, at: place ?? items.count)
        self.items = items
    }

    /// The table of contents of the whole.
    var toc: ArchiveTOC {
        let first = streams[0].front.toc
        return ArchiveTOC(
            formatMinor: first.formatMinor, databaseName: first.databaseName, serverVersion: first.serverVersion,
            dumpVersion: first.dumpVersion, entries: items.map(\.entry))
    }

    /// The front of an archive that has the entries of these stages.
    func front(_ stages: Set<Stage>, of stream: Int? = nil) -> [UInt8] {
        let wanted = items.filter {
            $0.stage == .always || stages.contains($0.stage) && (stream == nil || $0.stream == stream)
        }
        return streams[0].front.bytes(with: wanted.map(\.raw))
    }

    /// From the numbers of a stream's entries with data to their numbers in the whole.
    func numbers(of stream: Int) -> [Int: Int] {
        Dictionary(
            items.filter { $0.stream == stream && $0.entry.hasData }.map { ($0.number, $0.entry.dumpID) },
            uniquingKeysWith: { first, _ in first })
    }

    /// The partitioned table at the top for every partition; the first archive alone knows them.
    let partitionRoots: [TableName: TableName]

    var contentSize: Int { streams.reduce(0) { $0 + $1.file.file.contentSize } }

    /// The tables and sequences that it makes.
    var withContent: [TableName] {
        items.filter { ["TABLE", "SEQUENCE"].contains($0.entry.kind) }.map(\.entry.relation)
    }

    private static func items(of front: ArchiveFront, _ stream: Int) -> [Item] {
        var section = ArchiveTOC.Section.preData
        return zip(front.toc.entries, front.entries).map { entry, raw in
            // As in ProcessArchiveRestoreOptions (pg_backup_archiver.c): what belongs to no section goes where it stands.
            if entry.section != .none { section = entry.section }
            return Item(
                entry: entry, raw: raw, stream: stream, number: entry.dumpID, stage: stage(of: entry.kind, section))
        }
    }

    /// By pg_restore's passes: privileges and event triggers last (_tocEntryRestorePass).
    private static func stage(of kind: String, _ section: ArchiveTOC.Section) -> Stage {
        switch kind {
        case "ENCODING", "STDSTRINGS", "SEARCHPATH": .always
        case "ACL", "ACL LANGUAGE", "DEFAULT ACL": .postData
        default: section == .data ? .data : section == .postData ? .postData : .preData
        }
    }
}

/// An object by what it is called.
private struct ObjectTitle: Hashable {
    let kind: String
    let relation: TableName

    init(_ entry: ArchiveTOC.Entry) {
        (kind, relation) = (entry.kind, entry.relation)
    }
}

extension ArchiveTOC.Entry {
    /// Schema and name.
    var relation: TableName { TableName(schema: namespace ?? "", name: tag) }
}

extension Manifest {
    /// The files that a database's dump lies in, the one with its definitions first.
    func dumps(of database: String) -> [File] {
        dump(of: database).map { [$0] + data(of: database) } ?? []
    }
}

extension SealedReading {
    /// Verifies the files of a database's dump and reads their tables of contents.
    ///
    /// - Throws: status 65 when one is not what was signed.
    func dump(of database: String, in backup: AuthenticBackup) async throws -> Dump {
        try await dump(verified(backup.manifest.dumps(of: database), in: backup))
    }

    func verified(_ files: [Manifest.File], in backup: AuthenticBackup) async throws -> [VerifiedFile] {
        var verified: [VerifiedFile] = []
        for file in files {
            verified.append(try await onOwnThread { try VerifiedFile(file, in: backup.stored) })
        }
        return verified
    }

    func dump(_ files: [VerifiedFile]) async throws -> Dump {
        try await onOwnThread { try Dump(files.map { Dump.Stream(file: $0, front: try front(of: $0)) }) }
    }

    /// Reads only as far as the table of contents goes.
    func front(of file: VerifiedFile) throws -> ArchiveFront {
        let collector = FrontCollector()
        do {
            try decrypt(file, into: ZstdDecompressor(into: collector))
        } catch is FrontCollector.Reached {
            return try ArchiveFront(reading: collector.bytes)
        }
        throw PlainFailure(.malformed, "\(file.file.name) holds no dump")
    }
}

/// Keeps the bytes of an archive until its table of contents has gone by, and ends the reading there.
private final class FrontCollector: ByteSink {
    struct Reached: Error {}

    private(set) var bytes: [UInt8] = []
    private let reader = ArchiveReader(Consumer())

    func write(_ bytes: Span<UInt8>) throws {
        self.bytes.append(bytes)
        try reader.write(bytes)
    }

    func finish() throws {
        try reader.finish()
    }

    private struct Consumer: ArchiveConsumer {
        func begin(_ toc: ArchiveTOC) throws { throw Reached() }
        func beginData(of entry: ArchiveTOC.Entry) {}
        func data(_ bytes: Span<UInt8>) {}
        func endData() {}
        func beginLargeObject(_ oid: UInt32) {}
        func endLargeObject() {}
    }
}
