import Cryptography
import FoundationEssentials
package import Platform
package import SystemPackage

/// Does something that must not wait although the log cannot be written: because somebody gave a reason for that.
///
/// The record goes to the system's log, to standard error, and to a file that the next append takes into the log, where it
/// stands as a finding until somebody acknowledges it.
package struct BreakGlass: Sendable {
    /// One record that could not be written.
    struct Record: Codable, Equatable {
        var act: String
        var phase: String
        var outcome: String?
        var status: Int32?
        var why: String
        var problem: String
        var at: Timestamp
        var user: String
        var uid: UInt32
        var loginuid: UInt32?
        var program: String
        var pid: Int32
        var cluster: String?
        var database: String?
        var backup: String?
    }

    package let reason: String
    private let source: AuditSource
    private let spool: GlassSpool
    private let system: SystemLog
    private let tell: @Sendable (String) -> Void

    /// - Parameter tell: shows a line to whoever is at the keyboard.
    package init(
        reason: String, source: AuditSource, log: FilePath, system: SystemLog = SystemLog(),
        tell: @escaping @Sendable (String) -> Void
    ) {
        self.reason = reason
        self.source = source
        self.system = system
        self.tell = tell
        spool = GlassSpool(LogFolder(log))
    }

    /// Records an act as the log would, beside it where it cannot be written.
    package nonisolated(nonsending) func recording<Value>(
        _ action: AuditAction, target: AuditTarget = AuditTarget(), opening log: () throws -> AuditLog,
        _ body: (inout AuditNote) async throws -> Value
    ) async throws -> Value {
        let audit: AuditLog
        let start: AuditEntry
        do {
            audit = try log()
            start = try audit.append(AuditEvent(action, phase: .started, target: target))
        } catch {
            return try await recordingElsewhere(action, target, because: error, body)
        }
        return try await audit.recording(action, target: target, after: start, body)
    }

    private nonisolated(nonsending) func recordingElsewhere<Value>(
        _ action: AuditAction, _ target: AuditTarget, because error: any Error,
        _ body: (inout AuditNote) async throws -> Value
    ) async throws -> Value {
        let problem = (error as? any Failure)?.sentence ?? "internal error: \(type(of: error))"
        try write(record(action, .started, target, problem))
        var note = AuditNote(start: AuditEntry(seq: -1, id: ""), target: target, role: nil)
        do {
            let value = try await body(&note)
            var last = record(action, .finished, note.target, problem)
            last.outcome = note.isNegative ? "failure" : "success"
            try write(last)
            return value
        } catch {
            var last = record(action, .finished, note.target, problem)
            last.outcome = "failure"
            last.status = (error as? any Failure)?.status.rawValue
            try? write(last)
            throw error
        }
    }

    private func record(
        _ action: AuditAction, _ phase: AuditRecord.Phase, _ target: AuditTarget, _ problem: String
    ) -> Record {
        Record(
            act: action.rawValue, phase: phase.rawValue, why: reason.beginning(1000),
            problem: problem.beginning(1000), at: .now(), user: source.actor.user, uid: source.actor.uid,
            loginuid: source.actor.loginuid, program: source.program, pid: source.pid, cluster: target.cluster,
            database: target.database, backup: target.backup)
    }

    /// - Throws: when nobody but the screen took it: what leaves no trace is not done.
    private func write(_ record: Record) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let line = Array(try encoder.encode(record))
        let text = String(decoding: line, as: UTF8.self)
        tell("break-glass: not in the audit log: \(text)")
        let isInSystemLog = (try? system.send("break-glass: \(text)", as: "dbsec")) != nil
        do {
            try spool.add(line)
        } catch {
            guard isInSystemLog else {
                throw AuditFailure(
                    .notRecorded,
                    "neither the audit log, nor the system's log, nor a file took the record of "
                        + "\(record.act): \((error as? any Failure)?.sentence ?? "")",
                    hint: "make room, or start journald: without any trace nothing is done")
            }
        }
    }
}

/// The records that wait beside a log until it can be written again.
struct GlassSpool: Sendable {
    /// Beside the log, or in memory where that disk is full or broken.
    private let folders: [FilePath]

    init(_ log: LogFolder) {
        let name = SHA256.hash(Array(log.path.string.utf8)).hex.prefix(16)
        folders = [
            log.path.removingLastComponent().appending("break-glass"),
            FilePath("/dev/shm").appending("dbsec-\(Account.current.uid)-\(name)"),
        ]
    }

    func add(_ line: [UInt8]) throws {
        var problem: (any Error)?
        for folder in folders {
            do {
                // Whoever else made a folder of that name in a place for everybody does not get to see it.
                if !Files.exists(folder), !Files.isLink(folder) { try Files.createDirectory(folder) }
                guard PrivateFolder.isOurs(folder) else {
                    throw PlainFailure(.permission, "\(folder) belongs to somebody else")
                }
                try Files.write(line + [lineFeed], to: folder.appending("\(UUIDv7.make(at: .now())).json"))
                return
            } catch {
                problem = error
            }
        }
        if let problem { throw problem }
    }

    /// The files that wait, oldest first; nearly always none, and then it costs a look at two names.
    func waiting() -> [FilePath] {
        folders.filter { Files.exists($0) && PrivateFolder.isOurs($0) }.flatMap { folder in
            ((try? Files.list(folder)) ?? []).filter { $0.hasSuffix(".json") && !$0.hasPrefix(".") }
                .map { folder.appending($0) }
        }.sorted { ($0.lastComponent?.string ?? "") < ($1.lastComponent?.string ?? "") }
    }

    func takeable() -> [(path: FilePath, event: AuditEvent?)] {
        waiting().map { ($0, event($0)) }
    }

    /// The waiting record as an event of the log; what cannot be read stands there as it is.
    func event(_ path: FilePath) -> AuditEvent? {
        guard let bytes = try? Files.read(path, limit: 1 << 16) else { return nil }
        guard let record = try? JSONDecoder().decode(BreakGlass.Record.self, from: Data(bytes)) else {
            return AuditEvent(
                .logBreakGlass, facts: ["act": "unknown", "text": .text(String(decoding: bytes, as: UTF8.self))])
        }
        var facts: [String: AuditFact] = [
            "act": .text(record.act), "actPhase": .text(record.phase), "at": .text(record.at.description),
            "problem": .text(record.problem), "user": .text(record.user), "program": .text(record.program),
            "pid": .number(Int(record.pid)),
        ]
        if let outcome = record.outcome { facts["actOutcome"] = .text(outcome) }
        if let status = record.status { facts["actStatus"] = .number(Int(status)) }
        if let loginuid = record.loginuid { facts["loginuid"] = .number(Int(loginuid)) }
        return AuditEvent(
            .logBreakGlass, reason: record.why,
            target: AuditTarget(cluster: record.cluster, database: record.database, backup: record.backup), facts: facts
        )
    }
}
