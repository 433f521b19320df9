import ArgumentParser
import Backups
import Console
import Cryptography
import Platform
import PostgresClient
import SystemPackage

struct Init: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Make the keys, the repository and the audit log.",
        details: """
            Backups are encrypted to public keys, so that the database's host cannot read its own old ones. Without
            --recipient a new identity is made and printed once: write it down, keep it elsewhere, and show that you have it
            with dbbackup keys confirm. With --keep-identity-here it stays on this host, and every backup says so.
            """,
        examples: ["dbbackup init --recipient age1...", "dbbackup init --keep-identity-here"])

    @OptionGroup var common: CommonOptions
    @OptionGroup var place: RepositoryOptions
    @OptionGroup var server: ServerOptions

    @Option(help: "A public key (age1...) whose identity is held elsewhere; may be given again.")
    var recipient: [String] = []

    @Flag(help: "Keep the new identity on this host, for verifying and restoring here.")
    var keepIdentityHere = false

    func validate() throws {
        if common.quiet, recipient.isEmpty, !keepIdentityHere {
            throw ValidationError("--quiet would hide the new identity, which is shown only once")
        }
    }

    func run(_ context: Context) async throws -> any Report {
        let recipients = try recipient.map { try AgeRecipient(parsing: $0) }
        let repository = try await context.repository(place)
        guard !context.keys.isMade else { throw Initialisation.alreadyMade(context.keys) }
        let initialisation = Initialisation(
            keys: context.keys, repository: repository, audit: try context.openAudit())
        let made = try await initialisation.make(recipients: recipients, keepsIdentity: keepIdentityHere)
        do {
            try await Isolation.makeAccount()
        } catch let failure as any Failure {
            context.warn("no account for scratch clusters could be made: \(failure.sentence)")
        }
        do {
            try await ServerCheck.run(server.parameters(for: context.program), environment: context.environment)
        } catch let failure as any Failure {
            context.warn("a backup could not be made now: \(failure.description)")
        }
        return InitReport(made, keys: context.keys, repository: repository)
    }
}

private struct InitReport: Report {
    let recipients: [String]
    let identity: String?
    let signingKey: String
    let repository: String
    let keys: String
    private let keptHere: Bool

    private enum CodingKeys: String, CodingKey {
        case recipients, identity, signingKey, repository, keys
    }

    init(_ made: Initialisation.Made, keys: KeyFolder, repository: Repository) {
        recipients = made.recipients.map(\.description)
        identity = made.identity?.text?.withBytes { bytes in
            String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
        }
        signingKey = made.publicKey.text
        self.repository = repository.name
        self.keys = keys.path.string
        keptHere = keys.holdsIdentity
    }

    var text: String {
        var lines = [
            "backups go to \(repository), for \(recipients.joined(separator: ", "))",
            "signatures verify with \(signingKey)",
        ]
        if keptHere {
            lines.append("the identity that opens them is on this host: \(keys)/identity.txt (keep a copy elsewhere)")
        }
        if let identity {
            lines += [
                "", "This identity opens them. It is shown only now and kept nowhere: write it down.", "", identity, "",
                "Then show that you have it: dbbackup keys confirm < FILE",
            ]
        }
        return lines.joined(separator: "\n")
    }
}
