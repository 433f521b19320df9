import AuditLog
import Platform
import PostgresClient
import SystemPackage
import TestSupport

@testable import AccessPolicy

/// A scene whose applies share one audit log, so that they can be taken back.
struct SceneLog {
    let scene: Scene
    let log: AuditLog

    /// Runs `body` with a log of its own.
    static func around<Value>(
        isolation: isolated (any Actor)? = #isolation, _ scene: Scene, _ body: (SceneLog) async throws -> Value
    ) async throws -> Value {
        try await withTemporaryFolder { folder in
            let log = try AuditLog.open(
                folder.appending("audit"), as: AuditSource(program: "test", version: "0", environment: [:]))
            return try await body(SceneLog(scene: scene, log: log))
        }
    }

    var folder: FilePath { log.folder.path }

    func provisioner(
        _ policy: String, as role: String? = nil, at now: Timestamp = .now(), environment: [String: String] = [:]
    ) async throws -> Provisioner {
        let file = try scene.file(policy)
        return Provisioner(
            try await scene.database.connect(as: role.map(scene.own)), file,
            passwords: try await GivenPasswords.fetch(file.policy, environment: environment), now: now)
    }

    @discardableResult
    func apply(
        _ policy: String, as role: String? = nil, at now: Timestamp = .now(), reviewed: SavedPlan? = nil,
        environment: [String: String] = [:]
    ) async throws -> Outcome {
        try await provisioner(policy, as: role, at: now, environment: environment)
            .apply(maxRevokes: 100, audit: log, reviewed: reviewed)
    }

    func draft(_ policy: String, as role: String? = nil, at now: Timestamp = .now()) async throws -> SavedPlan {
        try await provisioner(policy, as: role, at: now).draft()
    }

    @discardableResult
    func undo(_ outcome: Outcome, as role: String? = nil) async throws -> Outcome {
        guard let receipt = outcome.undo else {
            throw PlainFailure(.internalError, "the apply left no way back")
        }
        return try await Undoing(try await scene.database.connect(as: role.map(scene.own)))
            .undo(String(receipt.record), audit: log)
    }

    /// All that the catalog says about access in this database, and about the roles of this scene.
    func state() async throws -> StateFacts {
        let connection = try await scene.database.connect()
        let snapshot = try await CatalogReader(connection).snapshot(for: Policy(), passwords: GivenPasswords())
        await connection.close()
        let facts = StateFacts(snapshot)
        return facts.about(
            facts.values.keys.filter { key in
                // Other tests change what the whole server shares at the same time.
                let shared = ["role ", "membership ", "setting ", "owner of tablespace ", "owner of parameter "]
                let isShared =
                    shared.contains { key.hasPrefix($0) } || key.hasPrefix("privileges on tablespace ")
                    || key.hasPrefix("privileges on parameter ")
                return !isShared || key.contains(scene.database.name)
            })
    }
}
