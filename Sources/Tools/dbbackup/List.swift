import ArgumentParser
import Backups
import Console
import Cryptography
import Platform

struct List: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "List the complete backups, oldest first.", examples: ["dbbackup list", "dbbackup list --json"])

    @OptionGroup var common: CommonOptions
    @OptionGroup var place: RepositoryOptions

    @Option(help: "Only this cluster's.")
    var cluster: String?

    func run(_ context: Context) async throws -> any Report {
        let repository = try await context.repository(place)
        let backups = try cluster.map { try repository.backups(of: $0) } ?? repository.backups()
        let trusted = try context.keys.trustedKeys()
        let clusters = try cluster.map { [$0] } ?? repository.clusters()
        return ListReport(
            backups: try mapInParallel(backups) { Listed($0, in: repository, trusted: trusted) },
            givenUp: try clusters.flatMap { try repository.givenUp(of: $0, trusted: trusted) }, now: context.now())
    }
}

/// One line of the listing.
struct Listed: Encodable, Sendable {
    let cluster: String
    let label: String
    let databases: [String]
    /// Databases that were to be in it and are not.
    let failed: [String]
    let stored: Int
    let bytes: Int
    let snapshot: Timestamp?
    let trust: String?
    /// The newest proof that a pinned key signed.
    let newestProof: ShownProof?
    /// Why there is no more to say about it.
    let problem: String?

    init(_ backup: StoredBackup, in repository: Repository, trusted: [MinisignPublicKey]) {
        newestProof = try? backup.proofs(trusted: trusted).last.map(ShownProof.init)
        cluster = backup.cluster
        label = backup.label
        let manifest = Result { try backup.manifest() }
        switch manifest {
        case .success(let manifest):
            databases = manifest.databases.map(\.name)
            failed = (manifest.failed ?? []).map(\.name)
            (stored, bytes) = (manifest.size, manifest.contentSize)
            (snapshot, trust) = (manifest.snapshot, manifest.trust.rawValue)
            do {
                try repository.requireFiles(manifest, of: backup)
                problem = nil
            } catch {
                problem = (error as? any Failure)?.sentence ?? "its files cannot be looked at"
            }
        case .failure(let error):
            (databases, failed, stored, bytes, snapshot, trust) = ([], [], 0, 0, nil, nil)
            problem = (error as? any Failure)?.sentence ?? "its manifest cannot be read"
        }
    }
}

extension Listed {
    /// `app, crm; failed: shop`.
    fileprivate var contents: String {
        problem
            ?? (databases.joined(separator: ", ")
                + (failed.isEmpty ? "" : "; failed: \(failed.joined(separator: ", "))"))
    }
}

/// What a proof said, without its details.
struct ShownProof: Encodable, Sendable {
    let level: String
    let verdict: String
    let finished: Timestamp
    let prover: String
    let trust: String

    init(_ proof: Proof) {
        level = proof.level.rawValue
        verdict = proof.verdict.rawValue
        finished = proof.finished
        prover = proof.proverKey
        trust = proof.trust.rawValue
    }

    /// `equal by restore, 3 d 4 h ago`.
    func words(at now: Timestamp) -> String {
        "\(verdict) by \(level), \(Words.duration(now.seconds(since: finished))) ago"
    }
}

private struct ListReport: Report {
    let backups: [Listed]
    let givenUp: [GivenUp]
    private let now: Timestamp

    private enum CodingKeys: String, CodingKey {
        case backups, givenUp
    }

    init(backups: [Listed], givenUp: [GivenUp], now: Timestamp) {
        self.backups = backups
        self.givenUp = givenUp
        self.now = now
    }

    var text: String {
        let hidden = givenUp.map { backup in
            let by = backup.keeperKey.map { "by \($0)" } ?? "by nobody whose key is pinned here: look who wrote there"
            return Plain.line("given up: \(backup.name), \(by); dbbackup hold brings it back")
        }
        guard !backups.isEmpty else { return (["there are no backups yet"] + hidden).joined(separator: "\n") }
        var table = TextTable(["BACKUP", "AGE", "SIZE", "PROOF", "DATABASES"])
        for backup in backups {
            table.append([
                Plain.line("\(backup.cluster)/\(backup.label)"),
                backup.snapshot.map { Words.duration(now.seconds(since: $0)) } ?? "?", Words.size(backup.stored),
                backup.newestProof?.words(at: now) ?? "none",
                Plain.line(backup.contents),
            ])
        }
        return ([table.text] + hidden).joined(separator: "\n")
    }
}
