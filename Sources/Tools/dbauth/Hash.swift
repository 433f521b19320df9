import ArgumentParser
import Console
import Credentials
import Platform
import SystemPackage

struct Hash: Command {
    static let configuration = CommandConfiguration.verb(
        "hash", "Hash a password with argon2id or bcrypt, for a table that holds such hashes.",
        details: """
            The password comes from --password-file, from standard input, or from a prompt that shows nothing. It is refused
            when it is short, on the list of common passwords, or longer than bcrypt can take.
            """,
        examples: [
            "dbauth hash",
            "dbauth hash --scheme bcrypt --cost 12 --password-file new-password.txt",
            "dbauth hash --pepper --keyring /etc/dbsec/keyring.json",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var scheme: SchemeOptions
    @OptionGroup var rules: RuleOptions
    @OptionGroup var keys: KeyringOptions

    @Flag(help: "Mix the password with the keyring's active key first; $pepper=ID then stands in front of the hash.")
    var pepper = false

    @Option(help: "The file whose first line is the password (0600).", completion: .file())
    var passwordFile: FilePath?

    func run(_ context: Context) async throws -> any Report {
        let settings = try context.settings
        let peppers = pepper ? try await context.neededPeppers(keys) : nil
        let hasher = PasswordHasher(scheme: try scheme.resolved(settings), peppers: peppers)
        let rules = try rules.resolved(settings)
        let password = try await PasswordInput.read("Password", file: passwordFile, isNew: true)
        try rules.check(password)
        return HashReport(hash: try await hasher.hash(password))
    }
}

private struct HashReport: Report {
    let hash: String

    var text: String { hash }
}
