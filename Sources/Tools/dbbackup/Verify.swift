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

            --all begins with backups that were never proved at this level, and goes on with the oldest proof; --max-duration
            begins no proof that would not end in time, and says how many are left. --smoke asks every restored database the
            questions in a file of SQL: the first value must not be false or NULL, or is what a remark before it says
            (-- expect: 17; -- database: shop asks only that one).
            """,
        examples: [
            "dbbackup verify latest --level restore", "dbbackup verify --all --max-duration 2h",
            "dbbackup verify latest --smoke /etc/dbsec/smoke.sql",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var place: RepositoryOptions
    @OptionGroup var glass: BreakGlassOptions

    @Argument(help: "A label, cluster/label, or latest (default: latest).")
    var backup: String?

    @Flag(help: "Verify every backup, those without a proof first, then those with the oldest.")
    var all = false

    @Option(help: "With --all: how long it may take, as 2h.", transform: Span.init)
    var maxDuration: Span?

    @Option(
        help: "A file of SQL that restored databases are asked (default: smokeFile in the configuration).",
        completion: .file())
    var smoke: FilePath?

    @Option(help: "How deep: archive, decode or restore (default: restore).")
    var level: ProofLevel = .restore

    @Option(help: "The file with the age identity (default: identity.txt among the keys).", completion: .file())
    var identity: FilePath?

    func validate() throws {
        if all, backup != nil { throw ValidationError("name a backup, or say --all") }
        if maxDuration != nil, !all { throw ValidationError("--max-duration goes with --all") }
        if smoke != nil, level != .restore {
            throw ValidationError("--smoke asks a restored database: --level restore")
        }
    }

    func run(_ context: Context) async throws -> any Report {
        let repository = try await context.repository(place)
        let prover = try context.prover(repository, identity: identity, smoke: level == .restore ? smoke : nil)
        var round =
            try all
            ? ProofRound.due(repository.backups(), level: level, trusted: context.keys.trustedKeys())
            : ProofRound(backups: [repository.backup(named: backup ?? "latest")])
        round.limit = maxDuration?.seconds
        let began = context.now()
        var verified: [Verified] = []
        while let backup = round.next(after: context.now().seconds(since: began)) {
            verified.append(
                try await context.recording(
                    .backupVerify, target: AuditTarget(cluster: backup.cluster, backup: backup.label), past: glass
                ) { note in
                    let verified = try await verify(backup, prover, repository, context)
                    try await repository.sendProofs(of: backup)
                    note.facts["level"] = .text(level.rawValue)
                    note.facts["verdict"] = .text(verified.verdict.rawValue)
                    note.facts["manifest"] = .text(backup.manifestHash.hex)
                    if verified.verdict != .equal { note.answerNo(verified.verdict.rawValue) }
                    return verified
                })
        }
        return VerifyReport(backups: verified, left: round.left)
    }

    /// A backup that nobody here knows the signer of is not proved, and its verdict is clear.
    private func verify(
        _ backup: StoredBackup, _ prover: Prover, _ repository: Repository, _ context: Context
    ) async throws -> Verified {
        do {
            let authentic = try AuthenticBackup(backup, trusted: context.keys.trustedKeys())
            return try await repository.withFiles(of: authentic, progress: context.progress) {
                Verified(try await prover.prove(backup, level: level))
            }
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
    let notCovered: [Manifest.Gap]

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
        notCovered = finding.notCovered
    }

    init(unauthentic stored: StoredBackup, _ level: ProofLevel, _ failure: any Failure) {
        (backup, self.level, verdict) = (stored.name, level, .different)
        (databases, differences, missing, notes) = ([], [failure.sentence], [], [])
        (seconds, restoreSeconds, trust, notCovered) = (0, nil, nil, [])
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
            let asked = databases.reduce(0) { $0 + ($1.smokeTests ?? 0) }
            if asked > 0 { facts.append(Words.plural(asked, "smoke test")) }
            if let restoreSeconds { facts.append("restored in \(Words.duration(restoreSeconds))") }
            facts.append("verified in \(Words.duration(seconds))")
        }
        if trust == .sameHost { facts.append("trust: same host") }
        // A broken backup can differ in every table: the first ones tell enough, and --json has them all.
        let shown = differences.prefix(20).map { "  \($0)" }
        let rest = differences.count > 20 ? ["  and \(differences.count - 20) more"] : []
        return [facts.joined(separator: ", ")] + shown + rest + missing.map { "  missing here: \($0)" }
            + notes.map { "  note: \($0)" } + (level == .restore ? notCovered.map { "  \($0.line)" } : [])
    }
}

private struct VerifyReport: Report {
    let backups: [Verified]
    /// Backups that there was no time for.
    let left: Int

    var status: ExitStatus {
        switch Verdict.worst(of: backups.map(\.verdict)) {
        case .equal: .success
        case .different: .negative
        case .cannotVerify: .unavailable
        }
    }

    var text: String {
        guard !backups.isEmpty || left > 0 else { return "there are no backups yet" }
        let rest = left == 0 ? [] : ["\(Words.plural(left, "backup")) left for another time"]
        return (backups.flatMap(\.lines) + rest).map(Plain.line).joined(separator: "\n")
    }
}
