import Platform
import PostgresClient

/// A question of the user's to a restored database: what only somebody who knows the application can say.
package struct SmokeTest: Sendable, Equatable {
    /// The database that is asked; nil asks every one.
    package let database: String?
    package let query: String
    /// What the first value of the first row has to be; nil: anything but false and NULL.
    package let expected: String?
    package let line: Int

    /// Reads statements that end in semicolons, with remarks before them: `-- database: shop`, which holds until the next one,
    /// and `-- expect: 17`, for the next statement.
    ///
    /// - Throws: status 65 for a file without a statement, or a remark without a value.
    package static func read(_ text: String, named name: String) throws -> [SmokeTest] {
        var tests: [SmokeTest] = []
        var database: String?
        var expected: String?
        var statement: [SQLTokens.Token] = []
        var line = 1
        var start = 1
        for token in SQLTokens(text).tokens + [SQLTokens.Token(kind: .symbol, text: ";")] {
            defer { line += token.text.utf8.count { $0 == UInt8(ascii: "\n") } }
            if token.kind == .space, statement.isEmpty {
                if let value = try remark("database", token, line, name) { database = value }
                if let value = try remark("expect", token, line, name) { expected = value }
                continue
            }
            guard token.isSymbol(";") else {
                if statement.isEmpty { start = line }
                statement.append(token)
                continue
            }
            if !statement.isEmpty {
                tests.append(SmokeTest(database: database, query: statement.text, expected: expected, line: start))
            }
            (statement, expected) = ([], nil)
        }
        guard !tests.isEmpty else { throw PlainFailure(.malformed, "\(name) holds no statement") }
        return tests
    }

    private static func remark(
        _ word: String, _ token: SQLTokens.Token, _ line: Int, _ name: String
    ) throws -> String? {
        let text = token.text.drop { $0 == "-" || $0 == " " }
        guard token.text.hasPrefix("--"), text.hasPrefix("\(word):") else { return nil }
        let value = text.dropFirst(word.count + 1).trimming { $0 == " " || $0 == "\r" }
        guard !value.isEmpty else {
            throw PlainFailure(.malformed, "\(name): line \(line): nothing after \"\(word):\"")
        }
        return String(value)
    }
}

extension Substring {
    fileprivate func trimming(_ isSpace: (Character) -> Bool) -> Substring {
        var rest = drop(while: isSpace)
        while let last = rest.last, isSpace(last) { rest.removeLast() }
        return rest
    }
}

/// Asks the questions in a scratch cluster, as a role that may read everything and change nothing.
struct SmokeRun: Sendable {
    let tests: [SmokeTest]
    let cluster: ScratchCluster

    private static let role = "dbsec_smoke"
    private static let time = "300s"

    /// What was answered otherwise than was expected.
    func differences(in database: String) async throws -> [String] {
        let tests = tests.filter { $0.database == nil || $0.database == database }
        guard !tests.isEmpty else { return [] }
        let admin = try await Connection.open(cluster.parameters(database: database))
        // Row security would hide rows from it that are there.
        try await admin.execute(
            """
            DO $$ BEGIN
                IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'dbsec_smoke') THEN
                    CREATE ROLE dbsec_smoke BYPASSRLS; GRANT pg_read_all_data TO dbsec_smoke;
                END IF;
            END $$
            """)
        try await admin.execute(
            "ALTER ROLE dbsec_smoke LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION INHERIT")
        try await admin.execute("GRANT CONNECT ON DATABASE \(identifier: database) TO dbsec_smoke")
        await admin.close()
        let parameters = cluster.parameters(database: database).with(user: Self.role)
            .with(serverOptions: "-c default_transaction_read_only=on -c statement_timeout=\(Self.time)")
        var differences: [String] = []
        for test in tests {
            let connection = try await Connection.open(parameters)
            // As an application finds it, and not as this program sets it.
            try await connection.execute("RESET search_path")
            if let problem = await problem(of: test, connection) {
                differences.append("smoke test in line \(test.line): \(problem)")
            }
            await connection.close()
        }
        return differences
    }

    private func problem(of test: SmokeTest, _ connection: Connection) async -> String? {
        do {
            guard let row = try await connection.query(SQL(raw: test.query)).first else { return "it gives no row" }
            let value: String? = try row[0]
            switch (test.expected, value) {
            case (nil, nil): return "it says NULL"
            case (nil, "f"): return "it says false"
            case (nil, _): return nil
            case (let expected?, let value):
                return expected == value ? nil : "it says \(value ?? "NULL") instead of \(expected)"
            }
        } catch let error as any Failure {
            return error.sentence
        } catch {
            return "it was interrupted"
        }
    }
}
