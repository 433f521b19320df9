import ArgumentParser
import Console
import Credentials
import Platform
import SystemPackage

struct LogIn: Command {
    static let configuration = CommandConfiguration.verb(
        "login", "Log somebody in and open a session; exit 1 when it is refused, and nobody is told why.",
        details: """
            The password comes from --password-file, from standard input, or from a prompt. With --totp a second line is the code
            of the second factor. When a code is needed and was not given, the answer names an attempt: go on with --pending.

            The tokens of session and device are shown once; the store keeps hashes of them.
            """,
        examples: [
            "dbauth login alice@example.com -d shop --address 198.51.100.7 --json",
            "printf '%s\\n%s\\n' \"$password\" \"$code\" | dbauth login alice@example.com -d shop --totp",
            "dbauth login alice@example.com -d shop --pending 0b1f... --json",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var store: StoreOptions

    @Argument(help: "The login name.")
    var identifier: String

    @Option(help: "The client's address: tries are counted for its network.")
    var address: String?

    @Option(help: "The file whose first line is the password (0600).", completion: .file())
    var passwordFile: FilePath?

    @Option(
        help: "The file whose first line is the token of a device that has logged in before (0600).",
        completion: .file())
    var deviceFile: FilePath?

    @Flag(help: "The code of the second factor follows on standard input.")
    var totp = false

    @Option(help: "Go on with this attempt: only the code is asked for.")
    var pending: String?

    func run(_ context: Context) async throws -> any Report {
        let store = try await context.loginStore(store)
        if let pending {
            let code = try await PasswordInput.text("Code")
            return LoginReport(try await store.finish(PendingLogin(attempt: pending), code: code))
        }
        var wanted = [PasswordInput.Wanted(prompt: "Password", file: passwordFile)]
        if totp { wanted.append(.init(prompt: "Code")) }
        let given = try await PasswordInput.read(wanted)
        let device = try await deviceFile.asyncMap { Token(try await PasswordInput.text("Device", file: $0)) }
        return LoginReport(
            try await store.login(
                identifier, given[0], code: totp ? given[1].text : nil, from: address, device: device))
    }
}

private struct LoginReport: Report {
    let outcome: String
    var account: String?
    var session: String?
    var sessionID: String?
    var device: String?
    var expires: Timestamp?
    var attempt: String?

    init(_ answer: LoginAnswer) {
        switch answer {
        case .success(let login):
            outcome = "success"
            account = login.accountID
            session = login.session.text
            sessionID = login.sessionID
            device = login.device.text
            expires = login.expires
        case .secondFactorNeeded(let pending):
            outcome = "second_factor"
            attempt = pending.attempt
        case .refused: outcome = "refused"
        }
    }

    var text: String {
        switch outcome {
        case "success": "session \(session ?? "")\ndevice \(device ?? "")\nuntil \(expires?.brief ?? "")"
        case "second_factor": "a code is needed: dbauth login ... --pending \(attempt ?? "")"
        default: "name or password is wrong"
        }
    }

    var status: ExitStatus { outcome == "success" ? .success : .negative }
}

extension Optional {
    func asyncMap<Value>(_ body: (Wrapped) async throws -> Value) async rethrows -> Value? {
        guard let self else { return nil }
        return try await body(self)
    }
}
