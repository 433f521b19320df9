import ArgumentParser
import Backups
import Console
import Cryptography
import Platform
import SystemPackage

struct Keys: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look after the keys that open and sign backups.", subcommands: [Confirm.self])

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
}

private struct ConfirmReport: Report {
    let confirmed: [String]

    var text: String { "held elsewhere: \(confirmed.joined(separator: ", "))" }
}
