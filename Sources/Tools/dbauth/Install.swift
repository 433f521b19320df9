import ArgumentParser
import AuditLog
import Console
import Credentials
import Platform
import PostgresClient

struct Install: Command {
    static let configuration = CommandConfiguration.verb(
        "install", "Install the login store, the schema dbauth, in a database, or bring it up to date.",
        details: """
            Makes the groups dbauth_app (calls the functions an application needs), dbauth_legacy (checks hashes of old schemes)
            and dbauth_admin (dbauth user, unlock, apikey), none of which can read a hash. It has to run as a role that may
            create roles and schemas; that role owns the store.

            What is not said is taken from the configuration's section auth; what neither says stays as it is in a store that is
            there.
            """,
        examples: [
            "dbauth install -d shop --grant-app shop_web",
            "dbauth install -d shop --tries 5 --lock-minutes 30 --deadline-milliseconds 800",
            "dbauth install -d shop --keyring /etc/dbsec/keyring.json --pepper",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions
    @OptionGroup var keys: KeyringOptions
    @OptionGroup var scheme: SchemeOptions

    @Flag(help: "Mix passwords with the keyring's active key before they are hashed.")
    var pepper = false

    @Option(help: "Tries for a name from one network before it is locked (default: 5).")
    var tries: Int?

    @Option(help: "For how many minutes (default: 30).")
    var lockMinutes: Int?

    @Flag(inversion: .prefixedNo, help: "Each lockout that follows on another lasts twice as long.")
    var progressive: Bool?

    @Option(help: "Tries for a name from all networks together, known devices aside (default: 50).")
    var identifierTries: Int?

    @Option(help: "When the answer to a login comes; longer than any hash takes here (default: 500).")
    var deadlineMilliseconds: Int?

    @Option(help: "The fewest characters of a password (default: 15; 8 where a second factor is always asked for).")
    var minimumLength: Int?

    @Option(help: "The application's login role: becomes a member of dbauth_app.")
    var grantApp: String?

    @Option(help: "A login role that becomes a member of dbauth_legacy.")
    var grantLegacy: String?

    @Option(help: "A login role that becomes a member of dbauth_admin.")
    var grantAdmin: String?

    func run(_ context: Context) async throws -> any Report {
        let connection = try await server.connect(context)
        let schema = StoreSchema(connection)
        let wanted = try await storeSettings(context, schema.settings() ?? StoreSettings())
        let database: String = try await connection.query("SELECT current_database()").one()[0]
        let user: String = try await connection.query("SELECT current_user").one()[0]
        return try await context.openAudit().recording(
            .authInstall, target: AuditTarget(database: database), role: user
        ) { note in
            let outcome = try await schema.install(wanted)
            for (group, role) in [
                ("dbauth_app", grantApp), ("dbauth_legacy", grantLegacy), ("dbauth_admin", grantAdmin),
            ] {
                if let role { try await schema.grant(group, to: role) }
            }
            note.facts = ["version": .number(outcome.after)]
            return InstallReport(database: database, before: outcome.before, version: outcome.after)
        }
    }

    /// What was said, over what is set; what nobody speaks of stays.
    private func storeSettings(_ context: Context, _ current: StoreSettings) async throws -> StoreSettings {
        let settings = try context.settings
        var numbers = settings.numbers
        for (number, given) in [
            (StoreNumber.tries, tries), (.lockMinutes, lockMinutes), (.identifierTries, identifierTries),
            (.deadlineMilliseconds, deadlineMilliseconds),
        ] {
            guard let given else { continue }
            guard number.range.contains(given) else {
                throw PlainFailure(
                    .usage, "\(number.rawValue) is from \(number.range.lowerBound) to \(number.range.upperBound)")
            }
            numbers[number] = given
        }
        var wanted = current
        let isSchemeSaid =
            scheme.scheme != nil || settings.scheme != nil
            || [scheme.cost, scheme.memory, scheme.passes, settings.cost, settings.memoryKiB, settings.passes]
                .contains { $0 != nil }
        if isSchemeSaid { wanted.scheme = try scheme.resolved(settings) }
        if let length = minimumLength ?? settings.minimumLength { wanted.minimumLength = length }
        if let progressive = progressive ?? settings.progressive { wanted.isProgressive = progressive }
        for (number, value) in numbers { wanted[keyPath: number.place] = value }
        if pepper { wanted.pepper = try await context.neededPeppers(keys).active }
        return wanted
    }
}

private struct InstallReport: Report {
    let database: String
    let before: Int?
    let version: Int

    var text: String {
        let name = Plain.line(database)
        guard let before else { return "installed the login store in \(name), version \(version)" }
        return before == version
            ? "the login store in \(name) is version \(version), and its functions and grants are as they should be"
            : "brought the login store in \(name) from version \(before) to \(version)"
    }
}
