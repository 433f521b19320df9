import ArgumentParser
import Backups
import Console
import Cryptography
import Platform
import SystemPackage

struct Show: Command {
    static let configuration = CommandConfiguration(
        abstract: "Show what a backup says about itself; dbbackup verify says whether to believe it.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var place: RepositoryOptions

    @Argument(help: "A label, cluster/label, or latest.")
    var backup: String

    func run(_ context: Context) async throws -> any Report {
        let stored = try context.repository(place).backup(named: backup)
        return ShowReport(
            backup: stored.name, folder: stored.folder.string, manifestHash: stored.manifestHash.hex,
            manifest: try stored.manifest())
    }
}

private struct ShowReport: Report {
    let backup: String
    let folder: String
    let manifestHash: String
    let manifest: Manifest

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
        lines += manifest.notCovered.map(\.line)
        var table = TextTable(["FILE", "SIZE", "CONTENT", "SHA-256"])
        for file in manifest.files {
            table.append([file.name, Words.size(file.size), Words.size(file.contentSize), file.sha256.hex])
        }
        return lines.map(Plain.line).joined(separator: "\n") + "\n\n" + table.text
    }
}
