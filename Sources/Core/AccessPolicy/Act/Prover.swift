import Platform
import PostgresClient

/// What one test of a policy showed.
package struct TestResult: Sendable, Encodable {
    /// The place in the document.
    package let test: String
    package let name: String?
    package let role: String
    package let passed: Bool
    /// What came instead, where it failed.
    package let detail: String?
}

/// Proves a policy by acting as its roles, each test in a savepoint that is undone.
///
/// A test is not a sandbox. It is one statement by the extended protocol; it may not end the transaction; afterwards the
/// session must be who it was; and whatever tables run by themselves must belong to trusted owners.
struct Prover {
    private let connection: Connection
    private let policy: Policy
    private let snapshot: Snapshot

    init(_ connection: Connection, _ policy: Policy, _ snapshot: Snapshot) {
        self.connection = connection
        self.policy = policy
        self.snapshot = snapshot
    }

    func run() async throws -> [TestResult] {
        guard !policy.tests.isEmpty else { return [] }
        try await checkOwners()
        let deadline = ContinuousClock.now + .seconds(policy.proofBudget)
        let before = try await identity()
        var results: [TestResult] = []
        for (index, test) in policy.tests.enumerated() {
            let detail = try await connection.undoing { try await failure(of: test, before: deadline) }
            guard try await identity() == before else {
                throw PlainFailure(
                    .permission, "tests[\(index)] changed who this session is, so nothing was done",
                    hint: "look for a function that sets the role or ends the transaction")
            }
            results.append(
                TestResult(
                    test: "tests[\(index)]", name: test.name, role: test.role, passed: detail == nil, detail: detail))
        }
        return results
    }

    /// The code of a table's owner runs with our rights when a statement touches the table.
    private func checkOwners() async throws {
        let rows = try await connection.query(ProverQueries.reachable(butOwnedBy: policy.trustedOwners))
        guard let row = rows.first else { return }
        let name = ObjectName(try row["schema"], try row["name"])
        let (kind, owner): (String, String) = (try row["kind"], try row["owner"])
        let others = rows.count > 1 ? ", and so may that of \(rows.count - 1) more" : ""
        throw PolicyProblem(
            "tests",
            "code of \(kind) \(name) may run during the tests, and belongs to \"\(owner)\"\(others): "
                + "name the owners in trustedOwners, if you trust them")
    }

    /// What went wrong, or nil; leaves the savepoint as the statement left it.
    private func failure(of test: AccessTest, before deadline: ContinuousClock.Instant) async throws -> String? {
        let forced = UnforcedTables(connection, snapshot, namedIn: test.given)
        try await forced.lift()
        for (index, statement) in test.given.enumerated() {
            do {
                try await connection.execute(SQL(raw: statement))
            } catch let error as PostgresError {
                return "given[\(index)] failed: \(error.sentence)"
            }
        }
        try await forced.restore()
        do {
            try await become(test)
        } catch let error as PostgresError {
            return "cannot act as \(spelled(test.role)): \(error.sentence)"
        }
        let left = (deadline - ContinuousClock.now).components
        let milliseconds = left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000
        guard milliseconds > 0 else { return late }
        try await connection.execute("SET LOCAL statement_timeout = \(raw: String(milliseconds))")
        let answer = await Result { try await connection.query(SQL(raw: test.statement)) }
        return try await judge(answer, of: test)
    }

    private var late: String {
        "the tests took longer than proofBudget, \(policy.proofBudget) s, while row security changes hold their locks"
    }

    private func judge(_ answer: Result<Rows, any Error>, of test: AccessTest) async throws -> String? {
        switch answer {
        case .success(let rows):
            let isStillRole: Bool = try await connection.query(
                "SELECT CURRENT_USER = \(test.role)"
            ).one()[0]
            guard isStillRole else { return "the statement changed its role" }
            switch test.expectation {
            case .denied: return "expected to be denied, but it was done, with \(described(rows.count))"
            case .rows(let expected):
                let found = try rows.map { row in
                    try rows.columns.indices.map { column -> String? in try row[column] }
                }
                return found == expected ? nil : "expected \(text(expected)), found \(text(found))"
            }
        case .failure(let error as PostgresError) where error.code == "42501":
            return test.expectation == .denied ? nil : "it was denied: \(error.message)"
        case .failure(let error as PostgresError) where error.code == "57014":
            return late
        case .failure(let error as PostgresError) where error.code != nil:
            return "it failed: \(error.sentence)"
        case .failure(let error):
            throw error
        }
    }

    /// Takes the role on, with the settings that a session of its own would begin with.
    private func become(_ test: AccessTest) async throws {
        for row in try await connection.query(ProverQueries.settings(of: test.role)) {
            let name: String = try row["name"]
            try await set(name, to: try row["value"])
        }
        for setting in test.settings { try await set(setting.name, to: setting.stored) }
        if snapshot.server.isSuperuser {
            try await connection.execute("SET LOCAL SESSION AUTHORIZATION \(identifier: test.role)")
        } else {
            let options: SQL = snapshot.server.version >= 160_000 ? " WITH INHERIT FALSE, SET TRUE" : ""
            if test.role != snapshot.server.user {
                try await connection.execute("GRANT \(identifier: test.role) TO CURRENT_USER\(options)")
            }
            try await connection.execute("SET LOCAL ROLE \(identifier: test.role)")
        }
    }

    private func set(_ name: String, to value: String) async throws {
        _ = try await connection.query("SELECT pg_catalog.set_config(\(name), \(value), true)")
    }

    private func identity() async throws -> [String] {
        let row = try await connection.query(
            "SELECT CURRENT_USER, SESSION_USER, pg_catalog.current_setting('search_path')"
        ).one()
        return [try row[0], try row[1], try row[2]]
    }

    private func described(_ count: Int) -> String {
        count == 1 ? "1 row" : "\(count) rows"
    }

    private func text(_ rows: [[String?]]) -> String {
        guard rows.count <= 3 else { return described(rows.count) }
        return "[" + rows.map { "[" + $0.map { $0 ?? "NULL" }.joined(separator: ", ") + "]" }.joined(separator: ", ")
            + "]"
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do {
            self = .success(try await body())
        } catch {
            self = .failure(error)
        }
    }
}
