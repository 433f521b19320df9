import ArgumentParser
import Console
import Credentials
import Cryptography
import Platform
import PostgresClient
import SystemPackage

struct Scram: Command {
    static let configuration = CommandConfiguration.verb(
        "scram", "Make what PostgreSQL stores in place of a role's password, or judge one.",
        details: """
            With a role the whole ALTER ROLE statement is printed: the password itself reaches neither the server nor its log.

            --validate says whether a verifier is one: PostgreSQL would take a malformed one for the password itself.
            --matches says whether a password belongs to it. Exit 1 means no.
            """,
        examples: [
            "dbauth scram app_user --password-file new.txt | psql -d app",
            "dbauth scram --iterations 20000",
            "dbauth scram --validate verifier.txt",
            "dbauth scram --matches verifier.txt --password-file current.txt",
        ])

    @OptionGroup var common: CommonOptions

    @Argument(help: "The role, for an ALTER ROLE statement.")
    var role: String?

    @Option(help: "How often the password is hashed (default: 4096, as PostgreSQL).")
    var iterations: Int?

    @Option(help: "The file whose first line is the password (0600).", completion: .file())
    var passwordFile: FilePath?

    @Option(
        name: .customLong("validate"), help: "The file whose first line is a verifier to judge; - is standard input.",
        completion: .file())
    var judged: FilePath?

    @Option(help: "The file whose first line is a verifier to compare with a password.", completion: .file())
    var matches: FilePath?

    func validate() throws {
        if let iterations, !ScramVerifier.iterationCounts.contains(iterations) {
            throw ValidationError("--iterations is from 4096 to 10,000,000")
        }
        guard [role != nil || iterations != nil, judged != nil, matches != nil].count(where: \.self) <= 1 else {
            throw ValidationError("make a verifier, --validate one, or ask whether one --matches: only one of them")
        }
    }

    func run(_ context: Context) async throws -> any Report {
        if let judged {
            let file = judged == "-" ? nil : judged
            let text = try await PasswordInput.text("Verifier", file: file)
            return ScramReport(ScramVerifier(text))
        }
        if let matches {
            guard let verifier = ScramVerifier(try await PasswordInput.text("Verifier", file: matches)) else {
                throw PlainFailure(.malformed, "\(matches) holds no SCRAM-SHA-256 verifier")
            }
            let password = try await PasswordInput.read("Password", file: passwordFile)
            return ScramReport(verifier, matches: verifier.isOf(password.secret))
        }
        let password = try await PasswordInput.read("Password", file: passwordFile, isNew: true)
        let verifier = try password.secret.withBytes {
            try ScramVerifier(of: $0, iterations: iterations ?? ScramVerifier.defaultIterations)
        }
        let statement = try role.map { role in
            let sql: SQL = "ALTER ROLE \(identifier: role) PASSWORD \(literal: verifier.text);"
            return try sql.text()
        }
        return ScramReport(verifier, statement: statement)
    }
}

private struct ScramReport: Report {
    let verifier: String?
    let iterations: Int?
    let statement: String?
    let isValid: Bool
    let matches: Bool?
    let text: String

    private enum CodingKeys: String, CodingKey {
        case verifier, iterations, statement
        case isValid = "valid"
        case matches
    }

    init(_ verifier: ScramVerifier?) {
        isValid = verifier != nil
        iterations = verifier?.iterations
        (self.verifier, statement, matches) = (nil, nil, nil)
        text =
            verifier.map { "valid: SCRAM-SHA-256, \($0.iterations) iterations" }
            ?? "this is no SCRAM-SHA-256 verifier: PostgreSQL would take it for the password itself"
    }

    init(_ verifier: ScramVerifier, matches: Bool) {
        isValid = true
        iterations = verifier.iterations
        (self.verifier, statement) = (nil, nil)
        self.matches = matches
        text = matches ? "yes" : "the password does not belong to the verifier"
    }

    init(_ verifier: ScramVerifier, statement: String?) {
        self.verifier = verifier.text
        iterations = verifier.iterations
        self.statement = statement
        isValid = true
        matches = nil
        text = statement ?? verifier.text
    }

    var status: ExitStatus { isValid && matches != false ? .success : .negative }
}
