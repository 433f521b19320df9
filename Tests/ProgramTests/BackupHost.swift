import Foundation
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

/// A host that can make, prove and restore backups of the test's database, with a state folder of its own.
struct BackupHost: Sendable {
    let folder: FilePath
    let database: Database
    let environment: [String: String?]

    /// Makes the host, and one backup of the test's database as `script` has filled it.
    static func with(
        _ script: String, databases: [Database] = [], _ body: (BackupHost) async throws -> Void
    ) async throws {
        let database = try Database.current
        try await database.run(script)
        try await withTemporaryFolder { folder in
            try Files.createDirectory(folder.appending("scratch"))
            let configuration = folder.appending("dbsec.json")
            try Files.write(
                Array(#"{"backup": {"scratchFolder": "\#(folder.appending("scratch"))"}}"#.utf8), to: configuration)
            var environment = database.environment
            environment["DBSEC_STATE"] = folder.appending("state").string
            environment["DBSEC_CONFIG"] = configuration.string
            let host = BackupHost(folder: folder.appending("state"), database: database, environment: environment)
            #expect(try await host.dbbackup("init", "--keep-identity-here").status == 0)
            let run = try await host.run("dbbackup", ["run", database.name] + databases.map(\.name))
            #expect(run.status == 0, "\(run.stderr)")
            try await body(host)
        }
    }

    func dbbackup(_ arguments: String..., changing: [String: String?] = [:]) async throws -> ProgramResult {
        try await Program.run("dbbackup", arguments, environment: environment.merging(changing) { $1 })
    }

    func run(_ program: String, _ arguments: [String]) async throws -> ProgramResult {
        try await Program.run(program, arguments, environment: environment)
    }

    /// The newest backup's folder.
    var backup: FilePath {
        get throws {
            let main = folder.appending("backups/main")
            return main.appending(try #require(Files.list(main).last { !$0.hasPrefix(".") }))
        }
    }

    /// The dump of the test's database in it.
    var dump: FilePath { get throws { try backup.appending("\(database.name).dump.zst.age") } }

    func databases(like pattern: String) async throws -> [String] {
        let connection = try await database.cluster.connect()
        let rows = try await connection.query(
            "SELECT datname::text FROM pg_database WHERE datname LIKE \(pattern) ORDER BY 1")
        await connection.close()
        return try rows.map { try $0[0] }
    }

    func other(_ name: String) -> Database { Database(cluster: database.cluster, name: name) }
}

func jsonObject(_ text: String) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
}
