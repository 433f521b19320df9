import ArgumentParser
import AuditLog
import Console
import Credentials
import Platform
import SystemPackage

struct Logout: Command {
    static let configuration = CommandConfiguration.verb(
        "logout", "End the session whose token is given; exit 1 when it was over already.",
        examples: ["dbauth logout -d shop < session-token"])

    @OptionGroup var common: CommonOptions
    @OptionGroup var store: StoreOptions

    @Option(help: "The file whose first line is the session's token (0600); else standard input.", completion: .file())
    var tokenFile: FilePath?

    func run(_ context: Context) async throws -> any Report {
        let token = Token(try await PasswordInput.text("Session token", file: tokenFile))
        let ended = try await context.loginStore(store).logout(token)
        return Done(done: ended, ended ? "the session is over" : "there was no such session")
    }
}

/// Sessions: whose one is, which there are, and the end of them.
struct SessionVerbs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "session", abstract: "Check, list and revoke sessions.",
        subcommands: [Check.self, List.self, Revoke.self])

    struct Check: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Say whose session a token opens; exit 1 when none.",
            examples: ["dbauth session check -d shop --json < session-token"])

        @OptionGroup var common: CommonOptions
        @OptionGroup var store: StoreOptions

        @Option(help: "The file whose first line is the token (0600); else standard input.", completion: .file())
        var tokenFile: FilePath?

        func run(_ context: Context) async throws -> any Report {
            let token = Token(try await PasswordInput.text("Session token", file: tokenFile))
            return CheckReport(try await context.loginStore(store).session(token))
        }
    }

    struct List: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "List the sessions that are open, of one account or of all (as an administrator).",
            examples: ["dbauth session list -d shop", "dbauth session list alice@example.com -d shop --json"])

        @OptionGroup var common: CommonOptions
        @OptionGroup var server: ServerOptions

        @Argument(help: "The login name.")
        var identifier: String?

        func run(_ context: Context) async throws -> any Report {
            let administration = try await Administration(server.connect(context))
            return SessionList(sessions: try await administration.sessions(of: identifier))
        }
    }

    struct Revoke: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "End the sessions of an account (as an administrator).",
            examples: ["dbauth session revoke alice@example.com -d shop"])

        @OptionGroup var common: CommonOptions
        @OptionGroup var server: ServerOptions

        @Argument(help: "The login name.")
        var identifier: String

        @Option(help: "Only the one with this id, as session list shows it.")
        var id: String?

        func run(_ context: Context) async throws -> any Report {
            try await context.administering(.authRevoke, server) { administration, note in
                let ended = try await administration.revokeSessions(of: identifier, id: id)
                note.facts["sessions"] = .number(ended)
                return Done(done: true, "ended \(Words.plural(ended, "session"))", count: ended)
            }
        }
    }
}

/// An act with no more to tell than that it was done.
struct Done: Report {
    let done: Bool
    let count: Int?
    let account: String?
    let text: String

    private enum CodingKeys: CodingKey {
        case done, count, account
    }

    init(done: Bool, _ text: String, count: Int? = nil, account: String? = nil) {
        self.done = done
        self.text = text
        self.count = count
        self.account = account
    }

    var status: ExitStatus { done ? .success : .negative }
}

private struct CheckReport: Report {
    let open: Bool
    var id: String?
    var account: String?
    var identifier: String?
    var address: String?
    var created: Timestamp?
    var expires: Timestamp?

    init(_ session: Session?) {
        open = session != nil
        id = session?.id
        account = session?.accountID
        identifier = session?.identifier
        address = session?.address
        created = session?.created
        expires = session?.expires
    }

    var text: String {
        open ? "\(Plain.line(identifier ?? "")), until \(expires?.brief ?? "")" : "no session that is open"
    }

    var status: ExitStatus { open ? .success : .negative }
}

private struct SessionList: Report {
    let sessions: [Administration.OpenSession]

    var text: String {
        guard !sessions.isEmpty else { return "no session is open" }
        var table = TextTable(["id", "account", "from", "since", "last seen", "until"])
        for session in sessions {
            table.append([
                session.id, Plain.line(session.identifier), session.address ?? "", session.created.brief,
                session.lastSeen.brief, session.expires.brief,
            ])
        }
        return table.text
    }
}
