import ArgumentParser
import Backups
import Console
import Platform
import SystemPackage

/// The section `backup` of the configuration file; a flag beats it.
struct Settings: Decodable, Sendable {
    var repository: String?
    var cluster: String?
    var lockWaitTimeout: Int?

    private enum Keys: String, CodingKey, CaseIterable {
        case repository, cluster, lockWaitTimeout
    }

    init() {}

    init(from decoder: any Decoder) throws {
        let container = try decoder.strict(Keys.self)
        repository = try container.decodeIfPresent(String.self, forKey: .repository)
        cluster = try container.decodeIfPresent(String.self, forKey: .cluster)
        lockWaitTimeout = try container.decodeIfPresent(Int.self, forKey: .lockWaitTimeout)
    }
}

/// Where backups are.
struct RepositoryOptions: ParsableArguments, Sendable {
    @Option(help: "The folder of the backups (default: backups/ in the state folder).", completion: .directory)
    var repository: FilePath?
}

extension Context {
    var settings: Settings {
        get throws { try configuration.section("backup", as: Settings.self) ?? Settings() }
    }

    func repository(_ options: RepositoryOptions) throws -> Repository {
        let named = try options.repository ?? settings.repository.map { FilePath($0) }
        return Repository(named?.absolute ?? state.backups)
    }

    var keys: KeyFolder { KeyFolder(state.keys) }
}
