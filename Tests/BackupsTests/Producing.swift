import AuditLog
import Cryptography
import Platform
import PostgresClient
import SystemPackage
import TestSupport

@testable import Backups

/// A host that is ready to make backups, in a folder that is removed afterwards.
struct Producer {
    let folder: FilePath
    let keys: KeyFolder
    let repository: Repository
    let audit: AuditLog

    static func ready(in folder: FilePath, keepsIdentity: Bool = true) async throws -> Producer {
        let producer = Producer(
            folder: folder, keys: KeyFolder(folder.appending("keys")),
            repository: Repository(folder.appending("backups")),
            audit: try AuditLog.open(
                folder.appending("audit"), as: AuditSource(program: "tests", version: "0", environment: [:])))
        _ = try await Initialisation(keys: producer.keys, repository: producer.repository, audit: producer.audit)
            .make(recipients: [], keepsIdentity: keepsIdentity)
        return producer
    }

    /// Backs up one database.
    func back(
        _ database: Database, cluster: String? = nil, server: ConnectionParameters? = nil, lockWait: Int = 60,
        programs: FilePath? = nil
    ) async throws -> BackupRun.Made {
        var options = BackupRun.Options(databases: DatabaseSelection([database.name]), cluster: cluster)
        options.lockWait = lockWait
        options.programs = programs ?? database.cluster.installation.folder
        return try await BackupRun(
            server: server ?? database.parameters, repository: repository, keys: keys, audit: audit, program: "tests",
            options: options
        ).make()
    }

    /// Backs up what the options say of the server under test.
    func run(
        _ databases: [String] = [], except excluded: [String] = [], server: ConnectionParameters? = nil,
        programs: FilePath? = nil, _ change: (inout BackupRun.Options) -> Void = { _ in }
    ) async throws -> BackupRun.Made {
        let cluster = try Cluster.current
        var options = BackupRun.Options(databases: DatabaseSelection(databases, except: excluded))
        options.programs = programs ?? cluster.installation.folder
        options.memory = folder.appending("last")
        change(&options)
        return try await BackupRun(
            server: server ?? cluster.parameters, repository: repository, keys: keys, audit: audit, program: "tests",
            options: options
        ).make()
    }

    /// What stands in a file of a backup.
    func open(_ file: Manifest.File, of backup: StoredBackup) throws -> [UInt8] {
        let content = CollectingSink()
        try open(file, of: backup, into: content)
        return content.bytes
    }

    /// Pushes what stands in a file of a backup into the sink, and finishes it.
    func open(_ file: Manifest.File, of backup: StoredBackup, into sink: any ByteSink) throws {
        let identity = try Files.readSecret(keys.identityFile)
        let decryptor = AgeDecryptor(
            with: try AgeIdentity.parse(identity.span), into: try ZstdDecompressor(into: sink))
        try copy(from: backup.path(of: file), into: decryptor)
        try decryptor.finish()
    }
}

func withProducer<Value>(_ body: (Producer) async throws -> Value) async throws -> Value {
    let folder = try Files.makeTemporaryDirectory(prefix: "producer")
    defer { try? Files.removeTree(folder) }
    return try await body(try await Producer.ready(in: folder))
}

/// Rows, bytes and digest of a query's COPY text, computed apart from the code under test: a plain long addition.
func digest(_ query: String, in database: Database) async throws -> (rows: Int, bytes: Int, digest: String) {
    let connection = try await database.connect()
    try await connection.script(
        """
        SET search_path = public; SET TimeZone = 'UTC'; SET bytea_output = 'hex'; SET extra_float_digits = 3;
        SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'
        """)
    let answer = try await connection.copyOut("COPY (\(raw: query)) TO STDOUT") { stream in
        var rows = 0
        var bytes = 0
        var sum = [UInt8](repeating: 0, count: 32)
        try stream.forEachRow { line in
            let row = line.extracting(0..<line.count - 1)
            rows += 1
            bytes += row.count
            var carry = 0
            for (index, byte) in SHA256.hash(row).bytes.enumerated().reversed() {
                carry += Int(sum[index]) + Int(byte)
                sum[index] = UInt8(carry & 255)
                carry >>= 8
            }
        }
        return (rows, bytes, Hex.encode(sum))
    }
    await connection.close()
    return answer
}
