import Cryptography
import FieldEncryption
import Platform
import PostgresClient
import TestSupport

/// A database with one table and one column on its way, driven through the core.
struct ColumnScene {
    let database: Database
    let connection: Connection
    var keyring: Keyring
    let path: [String]
    let column: String

    init(_ setup: String, table: String = "users", column: String = "phone") async throws {
        database = try Database.current
        try await database.run(setup)
        connection = try await database.connect()
        keyring = .test()
        path = ["public", table]
        self.column = column
    }

    /// Fast and with small batches, so that there are many of them.
    var options: JobOptions {
        var options = JobOptions()
        options.batchTime = .milliseconds(20)
        return options
    }

    @discardableResult
    func start(
        indexes: [String] = [], unique: [String] = [], rowColumn: String? = nil, adopts: Bool = false
    ) async throws -> ColumnDeclaration {
        let start = ColumnStart(connection, keyring)
        let declared =
            try indexes.map { try IndexDeclaration($0, of: column) }
            + unique.map { try IndexDeclaration($0, of: column, isUnique: true) }
        let plan = try await start.plan(
            ColumnStart.Request(
                path: path, column: column, twin: nil, context: nil, rowColumn: rowColumn, padding: 16,
                indexes: declared, adopts: adopts))
        return try await start.run(plan)
    }

    func declaration() async throws -> ColumnDeclaration {
        try await ColumnCatalog(connection).column(path, column)
    }

    var jobs: ColumnJobs { ColumnJobs(connection, keyring, options: options) }

    @discardableResult
    func backfill() async throws -> JobResult {
        try await jobs.backfill(declaration())
    }

    func verify(allowsOldKeys: Bool = false) async throws -> ColumnVerify.Verdict {
        try await ColumnVerify(connection, keyring).run(declaration(), allowsOldKeys: allowsOldKeys)
    }

    func cipher() async throws -> FieldColumn {
        try await declaration().cipher(keyring)
    }

    /// Every row's plaintext and what its ciphertext decrypts to, by a text that names the row.
    func pairs(key: String = "id::text") async throws -> [String: (plain: String?, decrypted: String?)] {
        let cipher = try await cipher()
        let rows = try await connection.query(
            "SELECT \(raw: key) AS k, \(identifier: column)::text AS p, \(identifier: column + "_enc") AS c FROM \(identifier: path)"
        )
        var pairs: [String: (plain: String?, decrypted: String?)] = [:]
        for row in rows {
            let field: [UInt8]? = try row["c"]
            pairs[try row["k"]] = (try row["p"], try field.map { try cipher.decryptText($0) })
        }
        return pairs
    }

    /// Asserts nothing by itself: how many rows have another decrypted value than their plaintext.
    func mismatches(key: String = "id::text") async throws -> [String] {
        try await pairs(key: key).filter { $0.value.plain != $0.value.decrypted }.map(\.key).sorted()
    }
}
