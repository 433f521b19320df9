import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

@Suite(.cluster, .timeLimit(.minutes(2)))
struct `A connection that cannot be had` {
    @Test func `no server at that place is status 69 and names the place`() async throws {
        let parameters = try ConnectionParameters(database: "app", host: "/nowhere")
        let error = await #expect(throws: PostgresError.self) { try await Connection.open(parameters) }
        #expect(error?.status == .unavailable)
        #expect(error?.sentence.contains("/nowhere") == true)
    }

    @Test func `an unknown database is status 66`() async throws {
        let parameters = try Cluster.current.parameters.with(database: "no such")
        let error = await #expect(throws: PostgresError.self) { try await Connection.open(parameters) }
        #expect(error?.code == "3D000")
        #expect(error?.status == .inputMissing)
    }

    @Test func `a wrong password is status 77, in any language of the server, and is not shown`() async throws {
        try await askForPasswords()
        let parameters = try Cluster.current.parameters.with(user: "ann").with(password: "wr0ng")
        let error = await #expect(throws: PostgresError.self) { try await Connection.open(parameters) }
        #expect(error?.code == "28P01")
        #expect(error?.status == .permission)
        #expect(error?.description.contains("wr0ng") == false)
    }

    @Test func `a missing password is status 77`() async throws {
        try await askForPasswords()
        let parameters = try ConnectionParameters(
            database: "passfile=/dev/null dbname=postgres", host: Cluster.current.server.folder.string, port: "5432",
            user: "ann")
        let error = await #expect(throws: PostgresError.self) { try await Connection.open(parameters) }
        #expect(error?.status == .permission)
    }

    @Test func `the right password lets in`() async throws {
        try await askForPasswords()
        let connection = try await Connection.open(
            Cluster.current.parameters.with(user: "ann").with(password: "right"))
        let user: String = try await connection.query("SELECT session_user").one()[0]
        #expect(user == "ann")
    }

    @Test func `the next host is tried when one refuses`() async throws {
        let folder = try Cluster.current.server.folder
        let connection = try await Connection.open(
            ConnectionParameters(database: "postgres", host: "/nowhere,\(folder)", port: "5432", user: "postgres"))
        #expect(connection.majorVersion > 0)
    }

    @Test func `the next host is tried when one is silent for connect_timeout`() async throws {
        let folder = try Cluster.current.server.folder
        try await withTemporaryFolder { silent in
            let listener = try SilentListener(silent.appending(".s.PGSQL.5432"))
            let connection = try await Connection.open(
                ConnectionParameters(
                    database: "dbname=postgres connect_timeout=1", host: "\(silent),\(folder)", port: "5432",
                    user: "postgres"))
            #expect(connection.majorVersion > 0)
            listener.close()
        }
    }

    @Test func `waiting for a silent server ends with the task`() async throws {
        try await withTemporaryFolder { silent in
            let listener = try SilentListener(silent.appending(".s.PGSQL.5432"))
            let parameters = try ConnectionParameters(database: "d", host: silent.string, port: "5432", user: "u")
            let task = Task { try await Connection.open(parameters) }
            try await Task.sleep(for: .milliseconds(50))
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            listener.close()
        }
    }

    /// Makes the server of this suite ask role ann for a password; running it twice is no harm.
    private func askForPasswords() async throws {
        let connection = try await Cluster.current.connect()
        try await connection.transaction {
            try await connection.execute("SELECT pg_advisory_xact_lock(1)")
            guard try await connection.query("SELECT FROM pg_roles WHERE rolname = 'ann'").isEmpty else { return }
            try await connection.execute("CREATE ROLE ann LOGIN PASSWORD 'right'")
            let place: String = try await connection.query("SHOW hba_file").one()[0]
            try await connection.execute(
                """
                COPY (VALUES ('local all ann scram-sha-256'), ('local all all trust')) TO \(literal: place)
                """)
        }
        try await connection.execute("SELECT pg_reload_conf()")
        let ann = try Cluster.current.parameters.with(user: "ann").with(password: "nonsense")
        // The server reads its files again a moment later.
        try await until {
            do {
                _ = try await Connection.open(ann)
                return false
            } catch let error as PostgresError {
                return error.code == "28P01"
            }
        }
    }
}
