import ArgumentParser
import AuditLog
import Console
import Credentials
import Platform
import SystemPackage

struct Passwd: Command {
    static let configuration = CommandConfiguration.verb(
        "passwd", "Change the password of whoever's session it is; every other session ends.",
        details:
            "Standard input is three lines: the session's token, the old password, the new one; files take their place.",
        examples: ["dbauth passwd -d shop --token-file session-token"])

    @OptionGroup var common: CommonOptions
    @OptionGroup var store: StoreOptions

    @Option(help: "The file whose first line is the session's token (0600).", completion: .file())
    var tokenFile: FilePath?

    @Option(help: "The file whose first line is the old password (0600).", completion: .file())
    var oldPasswordFile: FilePath?

    @Option(help: "The file whose first line is the new password (0600).", completion: .file())
    var newPasswordFile: FilePath?

    func run(_ context: Context) async throws -> any Report {
        let given = try await PasswordInput.read([
            .init(prompt: "Session token", file: tokenFile), .init(prompt: "Old password", file: oldPasswordFile),
            .init(prompt: "New password", file: newPasswordFile, isNew: true),
        ])
        let changed = try await context.loginStore(store).changePassword(
            Token(given[0].text), old: given[1], new: given[2])
        return Done(
            done: changed,
            changed
                ? "the password is changed, all other sessions are over"
                : "not changed: the old password is wrong, or the session is over")
    }
}

/// Forgotten passwords.
struct ResetVerbs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset", abstract: "Make a token that resets a password, and use one.",
        subcommands: [Request.self, Finish.self])

    struct Request: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Make a token that resets an account's password: single use, half an hour (as an administrator).",
            details: "Give it only to whoever has shown by other means to be the owner.",
            examples: ["dbauth reset request alice@example.com -d shop"])

        @OptionGroup var common: CommonOptions
        @OptionGroup var server: ServerOptions

        @Argument(help: "The login name.")
        var identifier: String

        func run(_ context: Context) async throws -> any Report {
            try await context.administering(.authReset, server) { administration, _ in
                TokenReport(token: try await administration.resetToken(identifier).text)
            }
        }
    }

    struct Finish: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Set a new password with a reset token; every session ends.",
            details: "Standard input is two lines, the token and the new password; files take their place.",
            examples: ["dbauth reset finish -d shop --token-file reset-token"])

        @OptionGroup var common: CommonOptions
        @OptionGroup var store: StoreOptions

        @Option(help: "The file whose first line is the token (0600).", completion: .file())
        var tokenFile: FilePath?

        @Option(help: "The file whose first line is the new password (0600).", completion: .file())
        var passwordFile: FilePath?

        func run(_ context: Context) async throws -> any Report {
            let given = try await PasswordInput.read([
                .init(prompt: "Reset token", file: tokenFile),
                .init(prompt: "New password", file: passwordFile, isNew: true),
            ])
            let set = try await context.loginStore(store).finishReset(Token(given[0].text), new: given[1])
            return Done(
                done: set,
                set
                    ? "the password is set, every session is over"
                    : "not set: the token was used, is too old, or never was one")
        }
    }
}

struct MakeToken: Command {
    static let configuration = CommandConfiguration.verb(
        "token", "Make a random token of 256 bits, and the hash to store in its place.",
        examples: ["dbauth token --json"])

    @OptionGroup var common: CommonOptions

    func run(_ context: Context) async throws -> any Report {
        let token = Token.random()
        return TokenReport(token: token.text, sha256: token.hexDigest)
    }
}

struct TokenReport: Report {
    let token: String
    var sha256: String?

    var text: String { token }
}
