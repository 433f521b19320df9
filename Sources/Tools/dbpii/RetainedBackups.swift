import Backups
import Console
import FieldEncryption
import Platform
import SystemPackage

/// What backups there are that hold a database as it was, and when they go.
enum RetainedBackups {
    /// Nil when no repository is named and there is none in the usual place.
    static func read(_ context: Context, repository named: String?, system: String, database: String) async throws
        -> [RetainedCopy]?
    {
        let rules = try context.configuration.section("backup", as: BackupRules.self) ?? BackupRules()
        let place = try named ?? context.settings.repository ?? rules.repository
        guard place != nil || Files.exists(context.state.backups) else { return nil }
        let repository = try await Repository.open(
            place ?? context.state.backups.string, mirrors: context.state.path.appending("mirrors"),
            remembering: SignatureMemory(context.state.path.appending("cache/signatures")))
        return try repository.backups().compactMap { backup in
            let manifest = try backup.manifest()
            guard manifest.systemIdentifier == system, manifest.databases.contains(where: { $0.name == database })
            else {
                return nil
            }
            let end = rules.end(of: manifest.snapshot)
            return RetainedCopy(
                name: backup.name, taken: manifest.snapshot, expires: end,
                kept: end.map { "kept until \($0.brief)" } ?? rules.words,
                contexts: (manifest.fieldKeys ?? []).map(\.context))
        }
    }
}

/// Of the section `backup` only what says when a backup goes; the rest is dbbackup's to judge.
struct BackupRules: Decodable, Sendable {
    var repository: String?
    private var keepDays: Int?
    private var graceHours: Int?
    /// Rules by which a backup may be kept longer than its days, so that no date can be told.
    private var others: [String] = []

    private enum Keys: String, CodingKey, CaseIterable {
        case repository, keepDays, graceHours, keepLast, keepWithin, keepHourly, keepDaily, keepWeekly, keepMonthly
        case keepYearly, keepTags, lockDays, appendOnly, requireProof
    }

    init() {}

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        repository = try container.decodeIfPresent(String.self, forKey: .repository)
        keepDays = try container.decodeIfPresent(Int.self, forKey: .keepDays)
        graceHours = try container.decodeIfPresent(Int.self, forKey: .graceHours)
        let dated: Set<Keys> = [.repository, .keepDays, .graceHours]
        others = Keys.allCases.filter { !dated.contains($0) && container.contains($0) }.map(\.rawValue)
    }

    /// When a backup of this moment is gone, where days alone decide: days count from the newest backup, of which a new one
    /// is supposed to come every day.
    func end(of taken: Timestamp) -> Timestamp? {
        guard let keepDays, others.isEmpty else { return nil }
        return taken.advanced(bySeconds: Int64(keepDays + 1) * 86400 + Int64(graceHours ?? 24) * 3600)
    }

    var words: String {
        others.isEmpty
            ? "no rule says when it goes: remove it by hand, or set keepDays"
            : "kept as long as \(others.joined(separator: ", ")) keep it"
    }
}
