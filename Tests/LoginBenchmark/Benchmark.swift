import Credentials
import Cryptography
import Glibc
import Platform
import PostgresClient

/// What `scripts/benchmark-auth` runs: hashes as an application makes them, logins and session checks on a server.
@main struct Benchmark {
    static func main() async throws {
        switch CommandLine.arguments.dropFirst().first {
        case "hash": try await hashes()
        case "store": try await store()
        default: StandardError.write("usage: LoginBenchmark hash|store\n")
        }
    }

    /// The best of many, in milliseconds of processor time, as the C program beside it counts: other work takes no part in it.
    private static func hashes() async throws {
        let password = Password("a password to measure with")
        for (name, scheme, rounds) in [
            ("bcrypt", HashScheme.bcrypt(cost: 10), 15), ("argon2id", .standard, 30),
        ] {
            let hasher = PasswordHasher(scheme: scheme)
            let settings = try hasher.freshSettings()
            var times: [Double] = []
            for _ in 0..<rounds {
                let start = processorTime()
                _ = try await hasher.compute(settings, password)
                times.append(processorTime() - start)
            }
            try StandardOutput.write("\(name) \(times.min() ?? 0)\n")
        }
    }

    private static func processorTime() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e3 + Double(time.tv_nsec) / 1e6
    }

    /// On the server that `PGHOST` and the rest name.
    private static func store() async throws {
        let parameters = try ConnectionParameters(database: nil, applicationName: "benchmark")
        let owner = try await Connection.open(parameters)
        var settings = StoreSettings()
        settings.deadlineMilliseconds = 0
        _ = try await StoreSchema(owner).install(settings)
        let administration = try await Administration(owner)
        let hash = "$2b$10$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq"
        let names = (0..<1000).map { "user\($0)" }
        for name in names { _ = try await administration.add(name, hash: hash) }
        let seconds = Duration.seconds(5)
        let connections = 8

        let logins = try await perSecond(seconds, connections) { worker in
            let connection = try await Connection.open(parameters)
            var (count, next) = (0, worker)
            let end = ContinuousClock.now + seconds
            while ContinuousClock.now < end {
                let name = names[next % names.count]
                next += connections
                let attempt: String = try await connection.query(
                    "SELECT attempt FROM dbauth.begin_login(\(name), '10.0.0.1', NULL)"
                ).one()[0]
                let (session, device) = (Token.random(), Token.random())
                let outcome: String = try await connection.query(
                    """
                    SELECT outcome FROM dbauth.finish_login(
                        \(attempt)::uuid, \(hash), \(session.sha256), \(device.sha256))
                    """
                ).one()[0]
                guard outcome == "success" else { throw PlainFailure(.internalError, "a login was \(outcome)") }
                count += 1
            }
            await connection.close()
            return count
        }
        try StandardOutput.write("logins \(logins)\n")

        var options = LoginStore.Options()
        options.connections = connections
        let store = try await LoginStore.open(parameters, options: options)
        let token = Token.random()
        _ = try await owner.query(
            """
            SELECT dbauth.finish_login(b.attempt, \(hash), \(token.sha256)) FROM dbauth.begin_login('user1', '10.0.0.1') b
            """)
        let checks = try await perSecond(seconds, connections) { _ in
            var count = 0
            let end = ContinuousClock.now + seconds
            while ContinuousClock.now < end {
                guard try await store.session(token) != nil else {
                    throw PlainFailure(.internalError, "the session is not open")
                }
                count += 1
            }
            return count
        }
        try StandardOutput.write("checks \(checks)\n")
    }

    private static func perSecond(
        _ seconds: Duration, _ workers: Int, _ body: @escaping @Sendable (Int) async throws -> Int
    ) async throws -> Int {
        try await withThrowingTaskGroup(of: Int.self) { group in
            for worker in 0..<workers { group.addTask { try await body(worker) } }
            return try await group.reduce(0, +) / Int(seconds.components.seconds)
        }
    }
}
