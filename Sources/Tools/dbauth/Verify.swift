import ArgumentParser
import Console
import Credentials
import Platform
import SystemPackage

struct Verify: Command {
    static let configuration = CommandConfiguration.verb(
        "verify", "Say whether a password belongs to a hash; exit 1 if it does not.",
        details: """
            Reads $2a$, $2b$ and $2y$ (bcrypt), argon2id and argon2i, and the schemes of crypt(5): $y$, $gy$, $7$, $6$, $5$, $1$.

            Standard input is two lines, the hash and the password; what is given as a file is left out there.
            """,
        examples: [
            "dbauth verify --hash-file stored.txt",
            "printf '%s\\n%s\\n' \"$hash\" \"$password\" | dbauth verify --json",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var scheme: SchemeOptions
    @OptionGroup var keys: KeyringOptions

    @Option(help: "The file whose first line is the hash (0600).", completion: .file())
    var hashFile: FilePath?

    @Option(help: "The file whose first line is the password (0600).", completion: .file())
    var passwordFile: FilePath?

    func run(_ context: Context) async throws -> any Report {
        let given = try await PasswordInput.read([
            .init(prompt: "Hash", file: hashFile), .init(prompt: "Password", file: passwordFile),
        ])
        // The keyring is opened only for a hash that needs it: that takes time.
        let peppers = given[0].text.hasPrefix("$pepper=") ? try await context.neededPeppers(keys) : nil
        let hasher = PasswordHasher(scheme: try scheme.resolved(context.settings), peppers: peppers)
        let check = try await hasher.verify(given[1], against: given[0].text)
        return VerifyReport(matches: check.matches, needsRehash: check.needsRehash)
    }
}

private struct VerifyReport: Report {
    let matches: Bool
    let needsRehash: Bool

    var text: String {
        guard matches else { return "the password does not belong to the hash" }
        return needsRehash ? "yes; the hash is weaker than the policy: hash the password anew" : "yes"
    }

    var status: ExitStatus { matches ? .success : .negative }
}
