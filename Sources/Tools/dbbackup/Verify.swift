import ArgumentParser
import AuditLog
import Backups
import Console
import Cryptography
import Platform
import SystemPackage

struct Verify: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Prove that a backup restores to the content that was there.",
        details: """
            Levels, each with those before it: archive (signature, digests, encryption to its end), decode (all of it reads, and
            holds what was recorded), restore (a scratch cluster is restored from it, dumped again, and compared). The verdict
            is equal (0), different (1), or cannot verify here (69: what is missing is said). Each proof is signed and kept
            beside the backup.

            The scratch cluster runs code that owners of tables wrote, so it is isolated: no network, no other files, an
            account of its own. That needs root; without it, verification at this level stops with 78.
            """,
        examples: ["dbbackup verify latest --level restore"])

    @OptionGroup var common: CommonOptions
    @OptionGroup var place: RepositoryOptions

    @Argument(help: "A label, cluster/label, or latest (default: latest).")
    var backup: String?

    @Flag(help: "Verify every backup, oldest first.")
    var all = false

    @Option(help: "How deep: archive, decode or restore (default: restore).")
    var level: ProofLevel = .restore

    @Option(help: "The file with the age identity (default: identity.txt among the keys).", completion: .file())
    var identity: FilePath?

    func validate() throws {
        if all, backup != nil { throw ValidationError("name a backup, or say --all") }
    }

    func run(_ context: Context) async throws -> any Report {
        let repository = try await context.repository(place)
        let backups = try all ? repository.backups() : [repository.backup(named: backup ?? "latest")]
        let prover = try context.prover(repository, identity: identity)
        let audit = try context.openAudit()
        var verified: [Verified] = []
        for backup in backups {
            verified.append(
                try await audit.recording(
                    .backupVerify, target: AuditTarget(cluster: backup.cluster, backup: backup.label)
                ) { note in
                    let verified = try await context.withFiles(of: backup, in: repository) {
                        try await verify(backup, prover)
                    }
                    try await repository.sendProofs(of: backup)
                    note.facts["level"] = .text(level.rawValue)
                    note.facts["verdict"] = .text(verified.verdict.rawValue)
                    note.facts["manifest"] = .text(backup.manifestHash.hex)
                    if verified.verdict != .equal { note.answerNo(verified.verdict.rawValue) }
                    return verified
                })
        }
        return VerifyReport(backups: verified)
    }

    /// A backup that nobody here knows the signer of is not proved, and its verdict is clear.
    private func verify(_ backup: StoredBackup, _ prover: Prover) async throws -> Verified {
        do {
            return Verified(try await prover.prove(backup, level: level))
        } catch let failure as any Failure where failure.status == .malformed {
            return Verified(unauthentic: backup, level, failure)
        }
    }
}

extension ProofLevel: ExpressibleByArgument {}

private struct Verified: Encodable, Sendable {
    let backup: String
    let level: ProofLevel
    let verdict: Verdict
    let databases: [Proof.Database]
    let differences: [String]
    let missing: [String]
    let notes: [String]
    let seconds: Double
    let restoreSeconds: Double?
    let trust: Manifest.Trust?

    init(_ finding: Prover.Finding) {
        let proof = finding.proof
        backup = "\(proof.cluster)/\(proof.label)"
        level = proof.level
        verdict = proof.verdict
        databases = proof.databases
        differences = finding.differences
        missing = proof.missing
        notes = proof.notes
        seconds = proof.finished.seconds(since: proof.started)
        restoreSeconds = proof.restoreSeconds
        trust = proof.trust
    }

    init(unauthentic stored: StoredBackup, _ level: ProofLevel, _ failure: any Failure) {
        (backup, self.level, verdict) = (stored.name, level, .different)
        (databases, differences, missing, notes) = ([], [failure.sentence], [], [])
        (seconds, restoreSeconds, trust) = (0, nil, nil)
    }

    var lines: [String] {
        var facts = ["\(backup): \(verdict.rawValue), level \(level.rawValue)"]
        if !databases.isEmpty { facts.append(Words.plural(databases.count, "database")) }
        if verdict == .equal {
            let rows = databases.reduce(0) { $0 + $1.rows }
            if level > .archive {
                facts.append(Words.plural(databases.reduce(0) { $0 + $1.tables }, "table"))
                facts.append(Words.plural(rows, "row"))
            }
            if let restoreSeconds { facts.append("restored in \(Words.duration(restoreSeconds))") }
            facts.append("verified in \(Words.duration(seconds))")
        }
        if trust == .sameHost { facts.append("trust: same host") }
        // A broken backup can differ in every table: the first ones tell enough, and --json has them all.
        let shown = differences.prefix(20).map { "  \($0)" }
        let rest = differences.count > 20 ? ["  and \(differences.count - 20) more"] : []
        return [facts.joined(separator: ", ")] + shown + rest + missing.map { "  missing here: \($0)" }
            + notes.map { "  note: \($0)" }
    }
}

private struct VerifyReport: Report {
    let backups: [Verified]

    var status: ExitStatus {
        switch Verdict.worst(of: backups.map(\.verdict)) {
        case .equal: .success
        case .different: .negative
        case .cannotVerify: .unavailable
        }
    }

    var text: String {
        backups.isEmpty
            ? "there are no backups yet" : backups.flatMap(\.lines).map(Plain.line).joined(separator: "\n")
    }
}
