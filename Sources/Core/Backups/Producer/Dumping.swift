import Cryptography
import Platform
import PostgresClient
import Synchronization
import SystemPackage

/// Runs PostgreSQL's own dump programs, their output straight into sealed files.
struct Dumping: Sendable {
    let installation: PostgresInstallation
    let folder: FilePath
    let recipients: [AgeRecipient]
    /// Threads that compress, for each pg_dump.
    let workers: Int32
    let meter: Meter

    /// What came of dumping one database.
    struct Result: Sendable {
        /// The dump, and after it the files of rows that other programs took at the same time.
        let files: [Manifest.File]
        let index: DatabaseIndex
        let summary: Manifest.Database
    }

    /// Dumps what the coordinator holds still, and takes the content index on the way.
    ///
    /// - Parameters:
    ///   - programs: How many pg_dump may share it out between them, where its tables are large enough.
    ///   - permits: One was taken for this database; it is given back when the first pg_dump has ended.
    func dump(
        _ coordinator: Coordinator, _ server: ConnectionParameters, programs: Int, _ permits: Permits
    ) async throws -> Result {
        let facts = coordinator.facts
        let layout: TableLayout
        do {
            layout = programs > 1 ? try await TableLayout.read(coordinator.session) : TableLayout()
        } catch {
            permits.giveBack()
            throw error
        }
        let shares = layout.shares(programs)
        // Where all rows are in one dump it tells by itself which table they belong to, and in which order.
        let indexer =
            shares.apart.isEmpty ? ContentIndexer() : ContentIndexer(orders: layout.orders, roots: layout.roots)
        let streams =
            [Stream(FileName.dump(of: facts.name), .dump, shares.argumentsOfRest)]
            + shares.apart.enumerated().map { number, tables in
                Stream(FileName.data(of: facts.name, number: number + 1), .data, DumpShares.arguments(for: tables))
            }
        let received = try await withThrowingTaskGroup(of: (Int, Receiver.Received).self) { group in
            for (number, stream) in streams.enumerated() {
                group.addTask {
                    if number > 0 { try await permits.takeForStream() }
                    defer { permits.giveBack() }
                    return (number, try await receive(stream, coordinator, server, indexer))
                }
            }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }.sorted { $0.key < $1.key }.map(\.value)
        var content = received[0].content
        for other in received.dropFirst() { content.add(rowsOf: other.content) }
        return Result(
            files: received.map(\.file),
            index: DatabaseIndex(facts: facts, content: content, definitions: received[0].definitions),
            summary: Manifest.Database(name: facts.name, oid: facts.oid, snapshot: coordinator.taken))
    }

    /// One pg_dump and the file that it fills.
    private struct Stream {
        let name: String
        let role: Manifest.File.Role
        let arguments: [String]

        init(_ name: String, _ role: Manifest.File.Role, _ arguments: [String]) {
            (self.name, self.role, self.arguments) = (name, role, arguments)
        }
    }

    /// When somebody waits for ACCESS EXCLUSIVE on a table that the coordinator holds, pg_dump queues behind them, they behind
    /// us, and we behind pg_dump, which no deadlock detector sees: hence the short timeout, which ends in a failure.
    private func receive(
        _ stream: Stream, _ coordinator: Coordinator, _ server: ConnectionParameters, _ indexer: ContentIndexer
    ) async throws -> Receiver.Received {
        let database = coordinator.facts.name
        let connection = try Self.connection(server.with(database: database))
        var environment = connection.environment
        // The rows are to come in the database's own encoding, whatever this account's sessions use.
        environment.updateValue(nil, forKey: "PGCLIENTENCODING")
        let child = Child(
            installation.program("pg_dump"),
            [
                "--format=custom", "--compress=0", "--no-password", "--snapshot=\(coordinator.snapshot)",
                "--lock-wait-timeout=5s", connection.argument,
            ] + stream.arguments,
            environment: environment)
        let path = folder.appending(stream.name)
        let receiver = Receiver(
            path: path, role: stream.role, database: database, recipients: recipients, workers: workers, meter: meter)
        return try await self.stream(child, of: database) { pipe in try receiver.receive(pipe, indexer) }
    }

    /// Removes what an attempt at a database has left.
    func forget(_ database: String) throws {
        let dump = FileName.dump(of: database)
        for name in try Files.list(folder) where name == dump || FileName.isData(name, of: database) {
            try Files.remove(folder.appending(name))
        }
    }

    /// Dumps roles, memberships and tablespaces, with the roles' password verifiers where this role may read them.
    func dumpGlobals(_ server: ConnectionParameters, withPasswords: Bool) async throws -> Manifest.File {
        let path = folder.appending(FileName.globals)
        let connection = try Self.connection(server)
        let child = Child(
            installation.program("pg_dumpall"),
            ["--globals-only", "--no-password", connection.argument]
                + (withPasswords ? [] : ["--no-role-passwords"]),
            environment: connection.environment)
        return try await stream(child) { [recipients] pipe in
            let file = try SealedFile(creating: path, for: recipients, workers: 0)
            try pipe.drain(into: file)
            return try file.entry(.globals)
        }
    }

    /// Writes the index, which is ours alone.
    func seal(_ document: IndexDocument) throws -> Manifest.File {
        try seal(try document.encoded(), as: FileName.index, .index)
    }

    func seal(_ bytes: [UInt8], as name: String, _ role: Manifest.File.Role) throws -> Manifest.File {
        let file = try SealedFile(creating: folder.appending(name), for: recipients, workers: 0)
        try file.write(bytes.span)
        try file.finish()
        return try file.entry(role)
    }

    /// The same text for the same values, whatever the server, the database or the role has set (traps: TimeZone and
    /// bytea_output change what COPY prints, and pg_dump does not set them).
    private static func connection(_ server: ConnectionParameters) throws -> ProgramConnection {
        try server.with(serverOptions: "-c TimeZone=UTC -c bytea_output=hex").forPrograms()
    }

    private func stream<Value: Sendable>(
        _ child: Child, of database: String? = nil,
        into consume: @escaping @Sendable (borrowing PipeReader) throws -> Value
    ) async throws -> Value {
        do {
            return try await child.stream(into: consume)
        } catch let failure as ChildFailure {
            throw DumpFailure(failure, of: database)
        }
    }
}

/// Takes one dump from its pipe to its file.
private struct Receiver: Sendable {
    let path: FilePath
    let role: Manifest.File.Role
    let database: String
    let recipients: [AgeRecipient]
    let workers: Int32
    let meter: Meter

    struct Received: Sendable {
        let file: Manifest.File
        let content: ContentIndex
        let definitions: [Definition]
    }

    func receive(_ pipe: borrowing PipeReader, _ indexer: ContentIndexer) throws -> Received {
        let file = try SealedFile(creating: path, for: recipients, workers: workers)
        let reader = ArchiveReader(indexer, into: file)
        try pipe.forEachChunk { bytes in
            try reader.write(bytes)
            meter.add(bytes.count)
        }
        try reader.finish()
        return Received(
            file: try file.entry(role, database: database), content: reader.consumer.index,
            definitions: reader.toc?.definitions ?? [])
    }
}

/// pg_dump or pg_dumpall failed; the exit status follows from what it wrote.
struct DumpFailure: Failure {
    let cause: ChildFailure
    /// The server's own words need not name it.
    let database: String?

    init(_ cause: ChildFailure, of database: String? = nil) {
        self.cause = cause
        self.database = database
    }

    var sentence: String { (database.map { "cannot dump \"\($0)\": " } ?? "") + cause.sentence }
    var hint: String? { cause.hint }

    var status: ExitStatus {
        let messages = cause.messages.lowercased()
        if messages.contains("permission denied") || messages.contains("authentication failed") { return .permission }
        // What pg_dump's --lock-wait-timeout ends in, and what a standby does to who reads what it has to change.
        if messages.contains("statement timeout") || messages.contains("conflict with recovery") { return .temporary }
        return .unavailable
    }
}

/// Counts the bytes of all dumps of a run and reports them every few megabytes.
final class Meter: Sendable {
    private let activity: String
    private let expected: Int?
    private let progress: ProgressHandler?
    private let count = Mutex((bytes: 0, reported: 0))

    init(_ activity: String, expected: Int? = nil, _ progress: ProgressHandler?) {
        self.activity = activity
        self.expected = expected
        self.progress = progress
    }

    func add(_ bytes: Int) {
        guard let progress else { return }
        let report: Int? = count.withLock { count in
            count.bytes += bytes
            guard count.bytes - count.reported >= 1 << 22 else { return nil }
            count.reported = count.bytes
            return count.bytes
        }
        if let report { progress(Progress(activity, bytes: report, totalBytes: expected)) }
    }
}
