import ArgumentParser
import Backups
import Console
import Cryptography
import Platform
import SystemPackage

/// The section `backup` of the configuration file; a flag beats it.
struct Settings: Decodable, Sendable {
    var repository: String?
    var cluster: String?
    var lockWaitTimeout: Int?
    /// Patterns of the databases that a run takes, and of those that it leaves out.
    var databases: [String]?
    var exclude: [String]?
    var jobs: Int?
    var configFiles: Bool?
    /// Percent that a table or a database may lose from one run to the next before it is told.
    var maxLoss: Int?
    /// Patterns of tables of which that is never told, as `public.sessions`.
    var ignoreLossOf: [String]?
    var failOnAnomaly: Bool?
    /// From `hooks` and `ping`.
    var hooks = RunHooks()
    /// More places for every backup: `remote:path` of rclone's, or folders.
    var copies: [String] = []
    var retention = RetentionSettings()
    /// Where scratch clusters are made; the default is memory when the backup fits, else the state folder.
    var scratchFolder: String?
    /// The libraries that a scratch cluster may load because the source did.
    var allowedPreloadLibraries: [String]?
    /// SQL that a restored database is asked by `verify`.
    var smokeFile: String?

    private enum Keys: String, CodingKey, CaseIterable {
        case repository, copies, cluster, lockWaitTimeout, keepLast, keepDays, keepWithin, keepHourly, keepDaily
        case keepWeekly, keepMonthly, keepYearly, keepTags, requireProof, graceHours, appendOnly, lockDays
        case scratchFolder, allowedPreloadLibraries, smokeFile
        case databases, exclude, jobs, configFiles, maxLoss, ignoreLossOf, failOnAnomaly, hooks, ping
    }

    init() {}

    init(from decoder: any Decoder) throws {
        let container = try decoder.strict(Keys.self)
        repository = try container.decodeIfPresent(String.self, forKey: .repository)
        copies = try container.decodeIfPresent([String].self, forKey: .copies) ?? []
        cluster = try container.decodeIfPresent(String.self, forKey: .cluster)
        lockWaitTimeout = try container.decodeIfPresent(Int.self, forKey: .lockWaitTimeout)
        retention = try RetentionSettings(from: decoder)
        databases = try container.decodeIfPresent([String].self, forKey: .databases)
        exclude = try container.decodeIfPresent([String].self, forKey: .exclude)
        jobs = try container.number(.jobs, in: 1...64)
        configFiles = try container.decodeIfPresent(Bool.self, forKey: .configFiles)
        maxLoss = try container.number(.maxLoss, in: 0...100)
        ignoreLossOf = try container.decodeIfPresent([String].self, forKey: .ignoreLossOf)
        failOnAnomaly = try container.decodeIfPresent(Bool.self, forKey: .failOnAnomaly)
        hooks = try container.decodeIfPresent(HookSettings.self, forKey: .hooks)?.hooks ?? RunHooks()
        hooks.ping = try container.decodeIfPresent(String.self, forKey: .ping)
        if let ping = hooks.ping, !RunHooks.isURL(ping) {
            throw Rejected("ping is a URL that begins with https:// or http://", at: container.codingPath + [Keys.ping])
        }
        scratchFolder = try container.decodeIfPresent(String.self, forKey: .scratchFolder)
        allowedPreloadLibraries = try container.decodeIfPresent([String].self, forKey: .allowedPreloadLibraries)
        smokeFile = try container.decodeIfPresent(String.self, forKey: .smokeFile)
    }
}

/// Programs around a run, as `"before": ["/usr/local/bin/announce", "backup"]`.
private struct HookSettings: Decodable {
    var hooks = RunHooks()

    private enum Keys: String, CodingKey, CaseIterable {
        case before, after, failed, timeLimit
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.strict(Keys.self)
        hooks.before = try container.command(.before)
        hooks.after = try container.command(.after)
        hooks.failed = try container.command(.failed)
        hooks.timeLimit = try container.number(.timeLimit, in: 1...86_400) ?? hooks.timeLimit
    }
}

extension KeyedDecodingContainer {
    fileprivate func command(_ key: Key) throws -> [String]? {
        guard let command = try decodeIfPresent([String].self, forKey: key) else { return nil }
        guard command.first?.isEmpty == false else {
            throw Rejected("\(key.stringValue) is a program and its arguments", at: codingPath + [key])
        }
        return command
    }
}

/// Where backups are.
struct RepositoryOptions: ParsableArguments, Sendable {
    @Option(
        help:
            "Where the backups are: a folder, or remote:path as rclone knows it (default: backups/ in the state folder).",
        completion: .directory)
    var repository: String?
}

extension Context {
    var settings: Settings {
        get throws { try configuration.section("backup", as: Settings.self) ?? Settings() }
    }

    func repository(_ options: RepositoryOptions) async throws -> Repository {
        let named = try options.repository ?? settings.repository ?? state.backups.string
        let memory = SignatureMemory(state.path.appending("cache/signatures"))
        return try await Repository.open(named, mirrors: mirrors, remembering: memory)
    }

    /// Where remote repositories are mirrored, without their large files.
    var mirrors: FilePath { state.path.appending("mirrors") }

    func copying(to place: String, from source: Repository) async throws -> BackupCopying {
        try await BackupCopying.opening(
            place, from: source, keys: keys, mirrors: mirrors, audit: openAudit(), progress: progress)
    }

    var keys: KeyFolder { KeyFolder(state.keys) }

    /// What opens backups here.
    func identities(_ file: FilePath?) throws -> [AgeIdentity] {
        let file = file?.absolute ?? keys.identityFile
        guard Files.exists(file) else {
            throw PlainFailure(
                .configuration, "there is no identity here to open backups with: \(file)",
                hint: "name the file that holds it with --identity, on a host where that may be")
        }
        var bytes = try Files.readSecret(file)
        defer { wipe(&bytes) }
        return try AgeIdentity.parse(bytes.span)
    }

    /// - Parameter smoke: beats the file that the configuration names.
    func prover(_ repository: Repository, identity: FilePath?, smoke: FilePath? = nil) throws -> Prover {
        let settings = try settings
        let questions = try (smoke ?? settings.smokeFile.map { FilePath($0) }).map { file in
            let text = String(decoding: try Files.read(file.absolute, limit: 1 << 20), as: UTF8.self)
            return try SmokeTest.read(text, named: file.string)
        }
        let scratch = Prover.Scratch(
            place: settings.scratchFolder.map { FilePath($0).absolute }, fallback: state.path.appending("scratch"),
            hidden: [state.path, repository.root], allowedPreloads: Set(settings.allowedPreloadLibraries ?? []),
            environment: environment)
        return Prover(
            keys: keys, identities: try identities(identity), signer: try keys.signingKey(), scratch: scratch,
            program: "\(program) \(Release.version)", smokeTests: questions ?? [], now: now, progress: progress)
    }
}
