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
    /// From `keepLast`, `keepDays`, `keepHourly`, `keepDaily`, `keepWeekly`, `keepMonthly` and `keepYearly`.
    var rules: Set<RetentionRule> = []
    /// From `requireProof`.
    var requiredProof: ProofLevel?
    var graceHours: Int?
    /// Where scratch clusters are made; the default is memory when the backup fits, else the state folder.
    var scratchFolder: String?
    /// The libraries that a scratch cluster may load because the source did.
    var allowedPreloadLibraries: [String]?
    /// SQL that a restored database is asked by `verify`.
    var smokeFile: String?

    private enum Keys: String, CodingKey, CaseIterable {
        case repository, cluster, lockWaitTimeout, keepLast, keepDays, keepHourly, keepDaily, keepWeekly, keepMonthly
        case keepYearly, requireProof, graceHours, scratchFolder, allowedPreloadLibraries, smokeFile
    }

    init() {}

    init(from decoder: any Decoder) throws {
        let container = try decoder.strict(Keys.self)
        repository = try container.decodeIfPresent(String.self, forKey: .repository)
        cluster = try container.decodeIfPresent(String.self, forKey: .cluster)
        lockWaitTimeout = try container.decodeIfPresent(Int.self, forKey: .lockWaitTimeout)
        let kept = RetentionNumbers(
            last: try container.decodeIfPresent(Int.self, forKey: .keepLast),
            days: try container.decodeIfPresent(Int.self, forKey: .keepDays),
            hourly: try container.decodeIfPresent(Int.self, forKey: .keepHourly),
            daily: try container.decodeIfPresent(Int.self, forKey: .keepDaily),
            weekly: try container.decodeIfPresent(Int.self, forKey: .keepWeekly),
            monthly: try container.decodeIfPresent(Int.self, forKey: .keepMonthly),
            yearly: try container.decodeIfPresent(Int.self, forKey: .keepYearly))
        rules = kept.rules
        requiredProof = try container.decodeIfPresent(ProofLevel.self, forKey: .requireProof)
        graceHours = try container.decodeIfPresent(Int.self, forKey: .graceHours)
        scratchFolder = try container.decodeIfPresent(String.self, forKey: .scratchFolder)
        allowedPreloadLibraries = try container.decodeIfPresent([String].self, forKey: .allowedPreloadLibraries)
        smokeFile = try container.decodeIfPresent(String.self, forKey: .smokeFile)
    }
}

/// How many backups each rule keeps, as options and configuration say it; nil: there is no such rule.
struct RetentionNumbers {
    var last, days, hourly, daily, weekly, monthly, yearly: Int?

    var rules: Set<RetentionRule> {
        Set(
            [
                last.map(RetentionRule.last), days.map(RetentionRule.days), hourly.map { .each(.hourly, $0) },
                daily.map { .each(.daily, $0) }, weekly.map { .each(.weekly, $0) }, monthly.map { .each(.monthly, $0) },
                yearly.map { .each(.yearly, $0) },
            ].compactMap(\.self))
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
