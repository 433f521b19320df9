import Platform

/// Dumps a restored database again, to know what it holds; nothing of it is kept but the content index.
///
/// By as many programs as are worth it. Nobody else writes to the database yet, so that all of them see the same.
struct Redump: Sendable {
    /// What is expected to be there, and says how large each table is and in which order its columns are read.
    let recorded: ContentIndex
    let programs: Int
    /// Gives pg_dump, connected to the database, with further arguments.
    let program: @Sendable (_ arguments: [String]) throws -> Child

    func content(sharedOutBy toc: ArchiveTOC) async throws -> ArchiveContent {
        let shares = DumpShares(of: recorded, in: toc, programs: programs)
        async let rest = dump(shares.argumentsOfRest)
        let others = try await withThrowingTaskGroup(of: ArchiveContent.self) { group in
            for tables in shares.apart {
                group.addTask { try await dump(DumpShares.arguments(for: tables)) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        var whole = try await rest
        for other in others { whole.index.add(rowsOf: other.index) }
        return whole
    }

    private func dump(_ share: [String]) async throws -> ArchiveContent {
        try await program(["--format=custom", "--compress=0"] + share).stream { [recorded] pipe in
            let reader = ArchiveReader(ContentIndexer(orders: recorded.columnOrders))
            try pipe.drain(into: reader)
            guard let toc = reader.toc else { throw PlainFailure(.internalError, "pg_dump wrote no dump") }
            return ArchiveContent(toc: toc, index: reader.consumer.index)
        }
    }
}

extension ContentIndex {
    /// The part of it that is about these tables.
    func part(_ tables: Set<TableName>) -> ContentIndex {
        ContentIndex(tables: self.tables.filter { tables.contains($0.name) }, largeObjects: .init())
    }
}

extension ArchiveTOC {
    /// The values of sequences, by name, as the statements that set them.
    var sequenceValues: [TableName: String] {
        Dictionary(
            entries.filter { $0.kind == "SEQUENCE SET" }.map { ($0.relation, $0.definition) },
            uniquingKeysWith: { first, _ in first })
    }
}
