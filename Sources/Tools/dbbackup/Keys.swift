import ArgumentParser
import AuditLog
import Backups
import Console
import Cryptography
import Platform
import SystemPackage

struct Keys: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look after the keys that open and sign backups.",
        subcommands: [New.self, Confirm.self, ListKeys.self, Rekey.self])

    struct Confirm: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Show, on standard input, an identity that is held elsewhere; it is not kept.",
            details: "Until this was done once, dbbackup run refuses: a backup that nobody can open is none.",
            examples: ["dbbackup keys confirm < identity.txt"])

        @OptionGroup var common: CommonOptions

        func run(_ context: Context) async throws -> any Report {
            var input = try Files.read("/dev/stdin", limit: 1 << 16)
            defer { wipe(&input) }
            let shown = try context.keys.confirm(AgeIdentity.parse(input.span))
            return ConfirmReport(confirmed: shown.map(\.description))
        }
    }

    struct New: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Make one more identity that opens the backups of this host, and print it once.",
            details: """
                Its recipient is added to those that new backups are for; dbbackup keys rekey adds it to the old ones. The
                identity is not kept: write it down, then show it to dbbackup keys confirm.
                """,
            examples: ["dbbackup keys new"])

        @OptionGroup var common: CommonOptions

        func run(_ context: Context) async throws -> any Report {
            let identity = try AgeIdentity.generate()
            return try await context.openAudit().recording(.backupInit) { note in
                let recipient = try context.keys.add(identity.recipient)
                note.facts["recipients"] = .text(recipient.description)
                return NewKeyReport(recipient, identity)
            }
        }
    }

    struct ListKeys: Command {
        static let configuration = CommandConfiguration.verb(
            "list", "List whom backups are for, who signs them, and who is believed.",
            examples: ["dbbackup keys list", "dbbackup keys list --json"])

        @OptionGroup var common: CommonOptions

        func run(_ context: Context) async throws -> any Report { try KeysReport(context.keys) }
    }

    struct Rekey: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Open old backups to the recipients of today, and to nobody else.",
            details: """
                Only the headers of the files are encrypted anew: an identity that opens the backup now has to be here. Files
                and manifest are written and signed again beside the old ones, and take their place at once. Who had the old
                identity and a copy of the old files can read that copy still.
                """,
            examples: ["dbbackup keys rekey --all --dry-run", "dbbackup keys rekey latest --identity old-identity.txt"])

        @OptionGroup var common: CommonOptions
        @OptionGroup var place: RepositoryOptions

        @Argument(help: "A label, cluster/label, or latest.")
        var backup: String?

        @Flag(help: "Every backup that is for others.")
        var all = false

        @Flag(help: "Only say which would be rekeyed.")
        var dryRun = false

        @Option(
            help: "The file with an identity that opens them (default: identity.txt among the keys).",
            completion: .file())
        var identity: FilePath?

        func validate() throws {
            if all == (backup != nil) { throw ValidationError("name a backup, or say --all") }
        }

        func run(_ context: Context) async throws -> any Report {
            let repository = try await context.repository(place)
            let recipients = try context.keys.recipients()
            let rekeying = try Rekeying(
                repository, keys: context.keys, identities: context.identities(identity), audit: context.openAudit(),
                now: context.now, progress: context.progress)
            let named = try backup.map { [try repository.backup(named: $0)] } ?? repository.backups()
            let wanted = try named.filter { try rekeying.isNeeded($0, recipients) }
            if !dryRun {
                for cluster in try repository.clusters() { try rekeying.clear(cluster) }
                for stored in wanted { try await rekeying.rekey(stored, for: recipients) }
            }
            return RekeyReport(
                backups: wanted.map(\.name), recipients: recipients.map(\.description), dryRun: dryRun)
        }
    }
}

private struct NewKeyReport: Report {
    let recipient: String
    let identity: String

    init(_ recipient: AgeRecipient, _ identity: AgeIdentity) {
        self.recipient = recipient.description
        // Printed once, for paper: that is what this verb is for.
        self.identity =
            identity.text?.withBytes { bytes in String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self) } ?? ""
    }

    var text: String {
        """
        recipient: \(recipient)
        identity:  \(identity)
        Write the identity to a safe place elsewhere; it is not kept here. Then: dbbackup keys confirm, and keys rekey --all
        """
    }
}

private struct KeysReport: Report {
    struct Recipient: Encodable {
        let recipient: String
        let isConfirmed: Bool
        let isHeldHere: Bool
    }

    let recipients: [Recipient]
    /// The minisign key ids of this host's signer and of all that are believed here.
    let signer: String?
    let trusted: [String]

    init(_ keys: KeyFolder) throws {
        let confirmed = try keys.confirmed()
        let here = Set(try keys.heldIdentities().compactMap { $0.recipient?.description })
        recipients = try keys.recipients().map(\.description).map {
            Recipient(recipient: $0, isConfirmed: confirmed.contains($0), isHeldHere: here.contains($0))
        }
        signer = try keys.publicKey()?.keyID.description
        trusted = try keys.trustedKeys().map(\.keyID.description)
    }

    var text: String {
        var table = TextTable(["KEY", "IS FOR", "STATE"])
        for recipient in recipients {
            let states = [
                recipient.isConfirmed ? "shown to be held elsewhere" : "not shown to be held elsewhere",
                recipient.isHeldHere ? "held on this host" : nil,
            ]
            table.append([recipient.recipient, "opening backups", states.compactMap(\.self).joined(separator: ", ")])
        }
        for key in trusted {
            table.append([key, "signing backups and proofs", key == signer ? "this host's" : "believed here"])
        }
        if let signer, !trusted.contains(signer) {
            table.append([signer, "signing backups and proofs", "this host's, and not believed here"])
        }
        return table.text
    }
}

private struct RekeyReport: Report {
    let backups: [String]
    let recipients: [String]
    let dryRun: Bool

    var text: String {
        guard !backups.isEmpty else { return "every backup is for the recipients of today" }
        let verb = dryRun ? "would be rekeyed" : "rekeyed"
        return backups.map { "\($0): \(verb)" }.joined(separator: "\n")
    }
}

private struct ConfirmReport: Report {
    let confirmed: [String]

    var text: String { "held elsewhere: \(confirmed.joined(separator: ", "))" }
}
