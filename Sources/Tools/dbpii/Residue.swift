import ArgumentParser
import Console
import Cryptography
import FieldEncryption
import Platform
import PostgresClient
import SystemPackage

struct Residue: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Look for a column's plaintext where it survives its encryption, and clear it.",
        details: """
            Looks for values that were plaintext: dead rows of heap and TOAST, compressed ones too, indexes, statistics, WAL,
            pg_stat_statements, server logs; in materialized views of the column, tables that a trigger function of the table names,
            and tables with a column of this name and type; and names the backups that hold the table as it was. Values come from the column while it lives, from --needles
            (one a line; - reads standard input), or from the encrypted twin by the keyring (--twin, --context). Needs a
            superuser; what could not be looked at is said.

            Exit code 0 when every place is clean, 1 when something was found or could not be looked at; with --allow-unknown, 0
            also when nothing was found. --purge shows what clears each place, asks, does it, and looks again; the table is
            locked while it is rewritten. What the server cannot do is said.
            """,
        examples: [
            "dbpii residue -d shop --table public.users --column phone",
            "dbpii residue -d shop --table users --column phone --needles old-numbers.txt",
            "dbpii residue -d shop --table users --column phone --twin phone_enc --context users.phone --purge --dry-run",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions
    @OptionGroup var keyring: KeyringOptions

    @Option(help: "The table, as public.users or users.", transform: tableName)
    var table: [String]

    @Option(help: "The column that held the plaintext, which may be dropped by now.")
    var column: String

    @Option(help: "A file with values that were plaintext, one a line; - for standard input.", completion: .file())
    var needles: FilePath?

    @Option(help: "The column that holds the values encrypted.")
    var twin: String?

    @Option(help: "The context of the twin, as users.phone.")
    var context: String?

    @Option(help: "The column with the row's uuid, when the twin is bound to it.")
    var row: String?

    @Option(help: "How many values to look for.")
    var sample = 1000

    @Option(help: "Where backups are; repeatable (default: repository of the section pii, and all places of dbbackup).")
    var repository: [String] = []

    @Flag(help: "Clear what can be cleared.")
    var purge = false

    @Flag(help: "With --purge: only show what would be done.")
    var dryRun = false

    @Flag(help: "With --purge: do not ask.")
    var yes = false

    @Flag(help: "End with 0 when nothing was found, whatever could not be looked at.")
    var allowUnknown = false

    func validate() throws {
        guard (1...100_000).contains(sample) else { throw ValidationError("--sample is from 1 to 100000") }
        guard (twin == nil) == (context == nil) else { throw ValidationError("--twin and --context belong together") }
        guard needles == nil || twin == nil else { throw ValidationError("--needles and --twin exclude each other") }
        guard purge || !(dryRun || yes) else { throw ValidationError("--dry-run and --yes are for --purge") }
    }

    func run(_ context: Context) async throws -> any Report {
        let connection = try await server.connect(context)
        let place = ResidueSearch.Column(
            schema: table.count > 1 ? table[0] : "public", table: table.last ?? "", column: column)
        let values = try await values(place, connection, context)
        let search = try ResidueSearch(connection, place, needles: values, progress: context.progress)
        let source = try await RetainedBackups.Source(connection)
        let backups = try await RetainedBackups.read(context, repositories: repository)?.copies(of: source)
        let found = try await search.run(backups: backups)
        guard purge, found.verdict != .clean else { return ResidueFound(found, allowUnknown: allowUnknown) }
        let purging = ResiduePurge(connection, place, progress: context.progress)
        let steps = try await purging.plan(for: found)
        if dryRun { return ResidueFound(found, steps: steps, allowUnknown: allowUnknown) }
        try Consent.ask(
            yes: yes, ResidueFound.lines(steps) + ["the table \(place.tableName) is locked meanwhile"], context)
        try await purging.run(steps, audit: context.openAudit())
        return ResidueFound(
            try await search.run(backups: backups), steps: steps, before: found, allowUnknown: allowUnknown)
    }

    private func values(_ place: ResidueSearch.Column, _ connection: Connection, _ context: Context) async throws
        -> [String]
    {
        if let needles {
            let path: FilePath = needles == "-" ? "/dev/stdin" : needles.absolute
            return String(decoding: try Files.read(path), as: UTF8.self).split(separator: "\n").map(String.init)
        }
        guard let twin, let name = self.context else {
            do {
                return try await ResidueSearch.sample(connection, place, count: sample)
            } catch let error as PostgresError where error.code == "42703" {
                throw PlainFailure(
                    .inputMissing, "the column \(place.tableName).\(column) is not there any more",
                    hint: "name values that it held with --needles, or its twin with --twin and --context")
            }
        }
        let fields = try FieldCipher(await context.openKeyring(keyring)).column(
            name, binding: row == nil ? .column : .row)
        let key: SQL = row.map { "\(identifier: $0)::text" } ?? "NULL::text"
        return try await connection.query(
            """
            SELECT \(identifier: twin), \(key) FROM \(identifier: [place.schema, place.table])
            WHERE \(identifier: twin) IS NOT NULL ORDER BY pg_catalog.random() LIMIT \(raw: String(sample))
            """
        ).map { try fields.decryptText(try $0[0], row: try $0[1]) }
    }
}

@Sendable func tableName(_ text: String) throws -> [String] {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else {
        throw ValidationError("\"\(text)\" is not a table: write users or public.users")
    }
    return parts
}

/// Asks before something is destroyed.
enum Consent {
    /// - Throws: status 1 when the answer is no; 64 when there is nobody to ask.
    static func ask(yes: Bool, _ lines: [String], _ context: Context) throws {
        guard !yes else { return }
        guard StandardError.isTerminal else {
            throw PlainFailure(
                .usage, "this changes things, and there is no terminal to ask at",
                hint: "look with --dry-run, then say --yes")
        }
        ProgressLine.shared.clear()
        StandardError.write(lines.map { "  \(Plain.line($0))\n" }.joined() + "Do this? [y/N] ")
        guard readLine()?.lowercased().hasPrefix("y") == true else {
            throw PlainFailure(.negative, "nothing was done")
        }
    }
}

struct ResidueFound: Report {
    private let found: ResidueReport
    private let steps: [ResiduePurge.Step]?
    private let before: ResidueReport?
    private let allowUnknown: Bool

    init(
        _ found: ResidueReport, steps: [ResiduePurge.Step]? = nil, before: ResidueReport? = nil, allowUnknown: Bool
    ) {
        (self.found, self.steps, self.before, self.allowUnknown) = (found, steps, before, allowUnknown)
    }

    var status: ExitStatus {
        found.verdict == .clean || (allowUnknown && found.verdict == .unknown) ? .success : .negative
    }

    var text: String {
        var lines: [String] = []
        if let before { lines += [Self.table(before), "", "after clearing:"] }
        lines.append(Self.table(found))
        if let steps, before == nil { lines += ["", "to clear it:"] + Self.lines(steps).map { "  \(Plain.line($0))" } }
        if let steps, before != nil {
            lines += steps.filter(\.sql.isEmpty).map { Plain.line("left to do: \($0.what)") }
        }
        let short = found.short > 0 ? ", \(found.short) too short or too long to look for" : ""
        lines.append("")
        lines.append(
            "looked for \(Words.plural(found.needles, "value")) of \(Plain.line("\(found.table).\(found.column)"))\(short): \(found.verdict.rawValue)"
        )
        return lines.joined(separator: "\n")
    }

    private static func table(_ found: ResidueReport) -> String {
        var table = TextTable(["WHERE", "WHAT", "VALUES", "TIMES", "NOTE"])
        for place in found.places {
            table.append([
                Plain.line("\(place.kind.rawValue) \(place.name)"), place.verdict.rawValue,
                place.verdict == .found ? Words.count(place.values) : "-",
                place.verdict == .found ? Words.count(place.occurrences) : "-", Plain.line(place.why ?? ""),
            ])
        }
        return table.text
    }

    static func lines(_ steps: [ResiduePurge.Step]) -> [String] {
        steps.flatMap { step in step.sql.isEmpty ? [step.what] : step.sql.map { "\($0);" } + ["  -- \(step.what)"] }
    }

    private enum Keys: String, CodingKey {
        case table, column, values, skipped, verdict, places, steps, before
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(found.table, forKey: .table)
        try container.encode(found.column, forKey: .column)
        try container.encode(found.needles, forKey: .values)
        try container.encode(found.short, forKey: .skipped)
        try container.encode(found.verdict, forKey: .verdict)
        try container.encode(found.places, forKey: .places)
        try container.encodeIfPresent(steps, forKey: .steps)
        try container.encodeIfPresent(before?.places, forKey: .before)
    }
}
