import Platform
import PostgresClient
import SystemPackage

/// Where a masked copy goes.
enum MaskTarget: Sendable {
    case database(Connection, way: ProgramConnection, psql: FilePath, wasMade: Bool)
    case folder(FilePath, steps: Steps)

    /// What is to be run to load the folder, in order.
    actor Steps {
        private(set) var lines: [String] = ["\\set ON_ERROR_STOP 1"]
        func add(_ line: String) { lines.append(line) }
    }

    var name: String {
        switch self {
        case .database(let connection, _, _, _): "database \(connection.parameters.database ?? "")"
        case .folder(let path, _): path.string
        }
    }

    /// - Throws: status 73 for a target that holds something already; 64 for the source itself.
    static func open(
        _ target: MaskedCopy.Target, system: String, database: String, psql: PostgresInstallation
    ) async throws -> MaskTarget {
        switch target {
        case .folder(let path):
            if Files.exists(path) {
                guard Files.isDirectory(path), try Files.list(path).isEmpty else {
                    throw PlainFailure(.cannotCreate, "\(path) is there and not empty", hint: "name a new folder")
                }
            }
            try Files.createDirectory(path.appending("data"))
            return .folder(path, steps: Steps())
        case .database(let parameters):
            let program = psql.program("psql")
            guard Files.exists(program) else {
                throw PlainFailure(
                    .unavailable, "there is no psql in \(psql.folder)", hint: "install postgresql-client")
            }
            let (connection, wasMade) = try await connect(parameters)
            let facts = try await connection.query(
                """
                SELECT pg_catalog.current_database() AS name,
                       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c
                          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                        WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema') AS relations
                """
            ).one()
            let isSource =
                try await connection.systemIdentifier() == system && (try facts["name"] as String) == database
            guard !isSource else {
                throw PlainFailure(.usage, "the copy would go into the database that it is made of")
            }
            let relations: Int = try facts["relations"]
            guard relations == 0 else {
                throw PlainFailure(
                    .cannotCreate,
                    "database \"\(try facts["name"] as String)\" is not empty: it has \(relations) relations",
                    hint: "drop it, or name a new one, which is then made")
            }
            try await connection.script("SET statement_timeout = 0")
            return .database(connection, way: try parameters.forPrograms(), psql: program, wasMade: wasMade)
        }
    }

    private static func connect(_ parameters: ConnectionParameters) async throws -> (Connection, Bool) {
        do {
            return (try await Connection.open(parameters), false)
        } catch let error as PostgresError where error.code == "3D000" {
            let maintenance = try await Connection.open(parameters.with(database: "postgres"))
            try await maintenance.execute(
                "CREATE DATABASE \(identifier: parameters.database ?? "") TEMPLATE template0 ENCODING 'UTF8'")
            await maintenance.close()
            return (try await Connection.open(parameters), true)
        }
    }

    /// Runs a script in the copy, or keeps it for whoever loads the folder.
    func run(_ name: String, _ script: [UInt8]) async throws {
        switch self {
        case .folder(let path, let steps):
            try Files.write(script, to: path.appending("\(name).sql"))
            await steps.add("\\ir \(name).sql")
        case .database(_, let way, let psql, _):
            try await Child(
                psql, ["-X", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", "--no-password", way.argument],
                environment: way.environment, name: "psql"
            ).feed { try $0.write(script.span) }
        }
    }

    func fill(
        _ writing: SQL, number: Int, from source: Connection, _ reading: SQL, through masker: RowMasker,
        rows progress: @escaping @Sendable (Int) -> Void
    ) async throws -> Int {
        switch self {
        case .database(let connection, _, _, _):
            return try await RowBridge.carry(source, reading, through: masker, to: connection, writing, rows: progress)
        case .folder(let path, let steps):
            let file = "data/\(number).copy"
            let count = try await RowBridge.carry(
                source, reading, through: masker, to: path.appending(file), rows: progress)
            // psql's own copy takes its name as it stands, relative to where psql was started.
            let statement = try writing.text()
            await steps.add("\\copy \(statement.dropFirst("COPY ".count).dropLast("STDIN".count))'\(file)'")
            return count
        }
    }

    func finish() async throws {
        switch self {
        case .database(let connection, _, _, _): await connection.close()
        case .folder(let path, let steps):
            let lines = await ["-- In this folder: psql -d STAGING -f load.sql"] + steps.lines
            try Files.write(Array((lines.joined(separator: "\n") + "\n").utf8), to: path.appending("load.sql"))
        }
    }

    /// Takes back what was made, since half a copy is none.
    ///
    /// A database that was there stays, with what is in it.
    func abandon() async {
        // Also after a cancellation, when this task can do nothing more.
        await Task { [self] in
            switch self {
            case .folder(let path, _): try? Files.removeTree(path)
            case .database(let connection, _, _, let wasMade):
                let parameters = connection.parameters
                await connection.close()
                guard wasMade, let name = parameters.database,
                    let maintenance = try? await Connection.open(parameters.with(database: "postgres"))
                else { return }
                _ = try? await maintenance.execute("DROP DATABASE IF EXISTS \(identifier: name) WITH (FORCE)")
                await maintenance.close()
            }
        }.value
    }
}
