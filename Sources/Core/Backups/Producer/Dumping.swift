import Cryptography
import Platform
import PostgresClient
import SystemPackage

/// Runs PostgreSQL's own dump programs, their output straight into sealed files.
struct Dumping: Sendable {
    let installation: PostgresInstallation
    let folder: FilePath
    let recipients: [AgeRecipient]
    let progress: ProgressHandler?

    /// What came of dumping one database.
    struct Result: Sendable {
        let file: Manifest.File
        let index: DatabaseIndex
        let summary: Manifest.Database
    }

    /// Dumps what the coordinator holds still, and takes the content index on the way.
    ///
    /// When somebody waits for ACCESS EXCLUSIVE on a table that the coordinator holds, pg_dump queues behind them, they behind
    /// us, and we behind pg_dump, which no deadlock detector sees: hence the short timeout, which ends in a failure.
    func dump(_ coordinator: Coordinator, _ server: ConnectionParameters) async throws -> Result {
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
            ],
            environment: environment)
        let path = folder.appending(FileName.dump(of: database))
        if Files.exists(path) { try Files.remove(path) }
        let receiver = Receiver(path: path, database: database, recipients: recipients, progress: progress)
        let received = try await stream(child, of: database) { pipe in try receiver.receive(pipe) }
        return Result(
            file: received.file,
            index: DatabaseIndex(
                facts: coordinator.facts, content: received.content, definitions: received.definitions),
            summary: Manifest.Database(name: database, oid: coordinator.facts.oid, snapshot: coordinator.taken))
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
        let file = try SealedFile(creating: folder.appending(FileName.index), for: recipients, workers: 0)
        let bytes = try document.encoded()
        try file.write(bytes.span)
        try file.finish()
        return try file.entry(.index)
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
    let database: String
    let recipients: [AgeRecipient]
    let progress: ProgressHandler?

    struct Received: Sendable {
        let file: Manifest.File
        let content: ContentIndex
        let definitions: [Definition]
    }

    func receive(_ pipe: borrowing PipeReader) throws -> Received {
        let file = try SealedFile(creating: path, for: recipients)
        let reader = ArchiveReader(ContentIndexer(), into: file)
        let meter = Meter("dumping \(database)", progress)
        try pipe.forEachChunk { bytes in
            try reader.write(bytes)
            meter.add(bytes.count)
        }
        try reader.finish()
        return Received(
            file: try file.entry(.dump, database: database), content: reader.consumer.index,
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
        // What pg_dump's --lock-wait-timeout ends in.
        if messages.contains("statement timeout") { return .temporary }
        return .unavailable
    }
}

/// Counts bytes and reports them every few megabytes.
final class Meter {
    private let activity: String
    private let progress: ProgressHandler?
    private var bytes = 0
    private var reported = 0

    init(_ activity: String, _ progress: ProgressHandler?) {
        self.activity = activity
        self.progress = progress
    }

    func add(_ count: Int) {
        bytes += count
        guard let progress, bytes - reported >= 1 << 22 else { return }
        reported = bytes
        progress(Progress(activity, bytes: bytes))
    }
}
