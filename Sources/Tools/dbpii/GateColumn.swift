import ArgumentParser
import AuditLog
import Console
import FieldEncryption
import Platform
import PostgresClient

extension Column {
    struct Gate: Command {
        static let configuration = CommandConfiguration.verb(
            nil, "Say whether the application writes the twin whenever it writes the plaintext.",
            details: """
                Counts rows without ciphertext, and writes without the twin since the last look. Open when there are no such rows, and
                have been no such writes for --quiet-for; each look is remembered, so that calls from cron add up. Exits with 1
                while it is closed.
                """,
            examples: [
                "dbpii column gate -d app --table users --column phone --quiet-for 24h",
                "dbpii column gate -d app --table users --column phone --quiet-for 10m --wait",
            ])

        @OptionGroup var common: CommonOptions
        @OptionGroup var server: ServerOptions
        @OptionGroup var target: ColumnOptions

        @Option(help: "How long every write must have been with the twin: 30s, 10m, 24h, 7d.", transform: seconds)
        var quietFor = 86_400

        @Flag(help: "Look again until it is open.")
        var wait = false

        @Sendable private static func seconds(_ text: String) throws -> Int {
            let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
            guard let last = text.last, let unit = units[last], let number = Int(text.dropLast()), number >= 0,
                number <= 10_000
            else { throw ValidationError("\"\(text)\" is no length of time: write 30s, 10m, 24h or 7d") }
            return number * unit
        }

        func run(_ context: Context) async throws -> any Report {
            let connection = try await server.connect(context)
            let declaration = try await target.declaration(connection)
            let gate = ColumnGate(connection)
            let about = try await context.target(declaration, connection)
            return try await context.openAudit().recording(.columnGate, target: about) { note in
                var verdict = try await gate.look(declaration, quietFor: quietFor)
                while wait, !verdict.isOpen {
                    context.progress?(Progress("\(verdict.left) left, quiet for \(verdict.quiet) s of \(quietFor)"))
                    try await Task.sleep(for: .seconds(min(30, max(1, quietFor / 20))))
                    let unpaired = verdict.unpaired
                    verdict = try await gate.look(declaration, quietFor: quietFor)
                    verdict.unpaired += unpaired
                }
                note.facts = [
                    "left": .number(verdict.left), "unpaired": .number(verdict.unpaired),
                    "quiet": .number(verdict.quiet),
                ]
                if !verdict.isOpen { note.answerNo("the gate is closed") }
                return GateReport(column: declaration.name, verdict: verdict, isOpen: verdict.isOpen)
            }
        }
    }
}

private struct GateReport: Report {
    let column: String
    let verdict: ColumnGate.Verdict
    let isOpen: Bool

    var status: ExitStatus { isOpen ? .success : .negative }

    var text: String {
        let facts = """
            \(column): \(Words.plural(verdict.left, "row")) without ciphertext, \
            \(Words.plural(verdict.unpaired, "write")) without the twin since the last look, \
            quiet for \(Words.duration(Double(verdict.quiet))) of \(Words.duration(Double(verdict.required)))
            """
        if isOpen { return "\(facts)\nopen; next: dbpii column finish" }
        return verdict.left > 0
            ? "\(facts)\nclosed: backfill again, and find who writes without the twin"
            : "\(facts)\nclosed: look again later"
    }
}
