import ArgumentParser
import Backups
import Console
import Cryptography
import Platform
import SystemPackage

struct Show: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Show what a backup says about itself; dbbackup verify says whether to believe it.",
        examples: ["dbbackup show latest", "dbbackup show main/20261123T205011Z --json"])

    @OptionGroup var common: CommonOptions
    @OptionGroup var place: RepositoryOptions

    @Argument(help: "A label, cluster/label, or latest.")
    var backup: String

    func run(_ context: Context) async throws -> any Report {
        let stored = try await context.repository(place).backup(named: backup)
        return ShowReport(
            backup: stored.name, folder: stored.folder.string, manifestHash: stored.manifestHash.hex,
            manifest: try stored.manifest(),
            proofs: try stored.proofs(trusted: context.keys.trustedKeys()).map(ShownProof.init), now: context.now())
    }
}

private struct ShowReport: Report {
    let backup: String
    let folder: String
    let manifestHash: String
    let manifest: Manifest
    /// Those that a pinned key signed, oldest first.
    let proofs: [ShownProof]
    private let now: Timestamp

    private enum CodingKeys: String, CodingKey {
        case backup, folder, manifestHash, manifest, proofs
    }

    init(
        backup: String, folder: String, manifestHash: String, manifest: Manifest, proofs: [ShownProof], now: Timestamp
    ) {
        self.backup = backup
        self.folder = folder
        self.manifestHash = manifestHash
        self.manifest = manifest
        self.proofs = proofs
        self.now = now
    }

    var text: String {
        let seconds = manifest.finished.seconds(since: manifest.started)
        var lines = [
            "backup       \(backup)",
            "folder       \(folder)",
            "shows        \(manifest.snapshot.brief), made in \(Words.duration(seconds))",
            "server       PostgreSQL \(manifest.serverVersion), system \(manifest.systemIdentifier)",
            "made with    \(manifest.programs.values.sorted().joined(separator: ", "))",
            "signed by    \(manifest.producerKey)",
            "opened by    \(manifest.recipients.joined(separator: ", "))",
            "trust        \(manifest.trust.rawValue)",
            "manifest     \(manifestHash)",
        ]
        lines += proofs.map { "proof        \($0.words(at: now)), signed by \($0.prover) (trust: \($0.trust))" }
        if proofs.isEmpty { lines.append("proof        none yet: dbbackup verify") }
        lines += manifest.notCovered.map(\.line)
        var table = TextTable(["FILE", "SIZE", "CONTENT", "SHA-256"])
        for file in manifest.files {
            table.append([file.name, Words.size(file.size), Words.size(file.contentSize), file.sha256.hex])
        }
        return lines.map(Plain.line).joined(separator: "\n") + "\n\n" + table.text
    }
}
