import ArgumentParser
import Backups
import Console
import Platform

struct List: Command {
    static let configuration = CommandConfiguration(abstract: "List the complete backups, oldest first.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var place: RepositoryOptions

    @Option(help: "Only this cluster's.")
    var cluster: String?

    func run(_ context: Context) async throws -> any Report {
        let repository = try context.repository(place)
        let backups = try cluster.map { try repository.backups(of: $0) } ?? repository.backups()
        return ListReport(backups: backups.map(Listed.init), now: context.now())
    }
}

/// One line of the listing.
struct Listed: Encodable, Sendable {
    let cluster: String
    let label: String
    let databases: [String]
    let stored: Int
    let bytes: Int
    let snapshot: Timestamp?
    let trust: String?
    /// Why there is no more to say about it.
    let problem: String?

    init(_ backup: StoredBackup) {
        cluster = backup.cluster
        label = backup.label
        let manifest = Result { try backup.manifest() }
        switch manifest {
        case .success(let manifest):
            databases = manifest.databases.map(\.name)
            (stored, bytes) = (manifest.size, manifest.contentSize)
            (snapshot, trust) = (manifest.snapshot, manifest.trust.rawValue)
            problem = nil
        case .failure(let error):
            (databases, stored, bytes, snapshot, trust) = ([], 0, 0, nil, nil)
            problem = (error as? any Failure)?.sentence ?? "its manifest cannot be read"
        }
    }
}

private struct ListReport: Report {
    let backups: [Listed]
    private let now: Timestamp

    private enum CodingKeys: String, CodingKey {
        case backups
    }

    init(backups: [Listed], now: Timestamp) {
        self.backups = backups
        self.now = now
    }

    var text: String {
        guard !backups.isEmpty else { return "there are no backups yet" }
        var table = TextTable(["BACKUP", "AGE", "SIZE", "DATABASES"])
        for backup in backups {
            table.append([
                Plain.line("\(backup.cluster)/\(backup.label)"),
                backup.snapshot.map { Words.duration(now.seconds(since: $0)) } ?? "?", Words.size(backup.stored),
                Plain.line(backup.problem ?? backup.databases.joined(separator: ", ")),
            ])
        }
        return table.text
    }
}
