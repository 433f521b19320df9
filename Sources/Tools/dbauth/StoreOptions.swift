import ArgumentParser
import AuditLog
import Console
import Credentials
import Cryptography
import Platform
import PostgresClient
import SystemPackage

/// Where the login store is, and what opens the keyring that it needs.
struct StoreOptions: ParsableArguments, Sendable {
    @OptionGroup var server: ServerOptions
    @OptionGroup var keys: KeyringOptions

    @Option(help: "The role for hashes of old schemes, a member of dbauth_legacy.")
    var legacyUsername: String?
}

/// The keyring of peppers and TOTP seeds; `dbpii keys init` makes one.
struct KeyringOptions: ParsableArguments, Sendable {
    @Option(help: "The keyring of peppers and TOTP seeds (dbpii keys init makes one).", completion: .file())
    var keyring: FilePath?

    @Option(
        help: """
            What opens it: file:PATH, credential:NAME, env:NAME or command:PROGRAM (default: DBAUTH_UNLOCK, or \
            keyring-identity.txt beside it).
            """)
    var unlock: String?
}

extension Context {
    /// Nil where no keyring was named.
    func credentialKeys(_ options: KeyringOptions) async throws -> CredentialKeys? {
        let settings = try settings
        guard let path = options.keyring ?? settings.keyring.map({ FilePath($0) }) else { return nil }
        let beside = path.absolute.removingLastComponent().appending("keyring-identity.txt")
        let unlock = options.unlock ?? environment["DBAUTH_UNLOCK"] ?? settings.unlock ?? "file:\(beside)"
        return try await CredentialKeys.open(keyring: path.string, unlock: unlock)
    }

    func neededPeppers(_ options: KeyringOptions) async throws -> PepperRing {
        guard let keys = try await credentialKeys(options) else {
            throw PlainFailure(
                .configuration, "a pepper comes out of a keyring, and none was named",
                hint: "--keyring FILE; dbpii keys init makes one")
        }
        return try keys.peppers()
    }

    func loginStore(_ options: StoreOptions) async throws -> LoginStore {
        for warning in prepareForSecrets() where !isQuiet { warn("\(warning.sentence) (\(warning.hint))") }
        let settings = try settings
        var store = LoginStore.Options()
        store.connections = 1
        store.keys = try await credentialKeys(options.keys)
        store.blocklist = try settings.blocklist.map { try Blocklist(file: $0) }
        let parameters = try options.server.parameters(for: program)
        return try await LoginStore.open(
            parameters, legacy: options.legacyUsername.map { parameters.with(user: $0) }, options: store, now: now)
    }

    /// An administrative act: recorded before and after; the record names the account by its id, since names are personal data.
    func administering<Value>(
        _ action: AuditAction, _ options: ServerOptions,
        _ body: (Administration, inout AuditNote) async throws -> Value
    ) async throws -> Value {
        let connection = try await options.connect(self)
        let user: String = try await connection.query("SELECT current_user").one()[0]
        let database: String = try await connection.query("SELECT current_database()").one()[0]
        let administration = try await Administration(connection)
        return try await openAudit().recording(action, target: AuditTarget(database: database), role: user) { note in
            try await body(administration, &note)
        }
    }

    /// An administrative act on one account; `body` answers with the account's id, and what then is to be said.
    func administering(
        _ action: AuditAction, _ account: AccountOptions,
        _ body: (Administration, _ identifier: String) async throws -> (id: String, sentence: String)
    ) async throws -> any Report {
        try await administering(action, account.server) { administration, note in
            let (id, sentence) = try await body(administration, account.identifier)
            note.target.object = id
            return Done(done: true, sentence, account: id)
        }
    }
}

/// An account of a store, as an administrator names it.
struct AccountOptions: ParsableArguments, Sendable {
    @OptionGroup var server: ServerOptions

    @Argument(help: "The login name.")
    var identifier: String
}
