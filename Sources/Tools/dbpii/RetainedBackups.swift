import Backups
import Console
import FieldEncryption
import Platform
import PostgresClient
import SystemPackage

/// What backups there are that hold a database as it was, and when they go.
struct RetainedBackups {
    /// A database, and what tells its backups from others'.
    struct Source {
        let system: String
        let database: String
        /// Ids of ring keys that are in use there: a server that was restored or upgraded has another identifier, and the keys.
        let keys: Set<String>

        init(_ connection: Connection) async throws {
            system = try await connection.systemIdentifier()
            database = try await connection.query("SELECT pg_catalog.current_database()").one()[0]
            keys = try await ColumnCatalog(connection).ringKeys()
        }

        fileprivate func isOf(_ manifest: Manifest) -> Bool {
            guard manifest.databases.contains(where: { $0.name == database }) else { return false }
            return manifest.systemIdentifier == system
                || (manifest.fieldKeys ?? []).contains { !keys.isDisjoint(with: $0.keys) }
        }
    }

    /// A repository and what is in it, or why that cannot be said.
    struct Place {
        let name: String
        let backups: Result<[RetainedBackup], any Error>
    }

    let places: [Place]

    /// Reads the repositories that are named, or all that the configuration knows; nil when there is none.
    static func read(_ context: Context, repositories named: [String]) async throws -> RetainedBackups? {
        let section = try context.configuration.section("backup", as: BackupPlaces.self) ?? BackupPlaces()
        let rules = try context.configuration.section("backup", as: RetentionSettings.self) ?? RetentionSettings()
        var names = named
        if names.isEmpty {
            let usual = Files.exists(context.state.backups) ? context.state.backups.string : nil
            names = [try context.settings.repository, section.repository ?? usual].compactMap(\.self) + section.copies
        }
        guard !names.isEmpty else { return nil }
        var seen: Set<String> = []
        var places: [Place] = []
        for name in names where seen.insert(name).inserted {
            do {
                let repository = try await Repository.open(
                    name, mirrors: context.state.path.appending("mirrors"),
                    remembering: SignatureMemory(context.state.path.appending("cache/signatures")))
                guard repository.remote != nil || Files.exists(repository.root) else {
                    throw PlainFailure(.inputMissing, "there is no folder \(repository.root)")
                }
                let outlook = RetentionOutlook(
                    repository, keys: KeyFolder(context.state.keys), rules, now: context.now())
                places.append(Place(name: name, backups: .success(try outlook.backups())))
            } catch let error as CancellationError {
                throw error
            } catch {
                places.append(Place(name: name, backups: .failure(error)))
            }
        }
        return RetainedBackups(places: places)
    }

    /// What holds the database as it was, or may hold it as far as anybody can tell.
    func copies(of source: Source) -> [RetainedCopy] {
        places.flatMap { place -> [RetainedCopy] in
            let suffix = places.count > 1 ? " in \(place.name)" : ""
            switch place.backups {
            case .failure(let error):
                return [
                    RetainedCopy(
                        name: "of \(place.name)", taken: nil, expires: nil,
                        kept: "look again once it can be read", contexts: [], doubt: Self.words(error))
                ]
            case .success(let backups):
                return backups.compactMap { backup in
                    if let manifest = backup.manifest, !source.isOf(manifest) { return nil }
                    return RetainedCopy(
                        name: backup.name + suffix, taken: backup.taken, expires: backup.end, kept: backup.kept,
                        contexts: (backup.manifest?.fieldKeys ?? []).map(\.context), doubt: backup.doubt)
                }
            }
        }
    }

    static func words(_ error: any Error) -> String {
        (error as? any Failure)?.sentence ?? "it cannot be read"
    }
}

/// Of the section `backup` only where backups are; the rest is dbbackup's to judge.
private struct BackupPlaces: Decodable {
    var repository: String?
    var copies: [String] = []

    private enum Keys: String, CodingKey {
        case repository, copies
    }

    init() {}

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        repository = try container.decodeIfPresent(String.self, forKey: .repository)
        copies = try container.decodeIfPresent([String].self, forKey: .copies) ?? []
    }
}
