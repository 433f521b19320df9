import ArgumentParser
import AuditLog
import Console
import Cryptography
import Platform
import SystemPackage

struct MakeReport: Command {
    static let configuration = CommandConfiguration.verb(
        "report", "Report what happened in a period, for an auditor.",
        details: """
            One HTML page that needs nothing else, CSV for a spreadsheet, JSON, or OCSF events for a SIEM; a file is readable
            by its owner only. --pack makes a folder with everything that somebody needs who trusts neither us nor this host:
            page, records, signed head, proofs, public key, and a verifier for Python.

            The log is verified first, and the report says what came of it. Making a report is put on record, for which the
            log's private key is needed; an auditor who has a copy of the log says --no-record.
            """,
        examples: [
            "dbaudit report --since 2026-11-01 --until 2026-12-01 --out november.html",
            "dbaudit report --format csv --action pg --out pg.csv",
            "dbaudit report --since 1d --format ocsf | siem-upload",
            "dbaudit report --since 90d --key pinned.vkey --pack evidence",
        ])

    enum Format: String, CaseIterable, ExpressibleByArgument {
        case html, csv, json, ocsf
    }

    @OptionGroup var common: CommonOptions
    @OptionGroup var filter: FilterOptions

    @Option(help: "html, csv, json or ocsf (default: as the name of the file ends, or html).")
    var format: Format?

    @Option(help: "Write it to this file, mode 0600.", completion: .file())
    var out: FilePath?

    @Option(help: "Make an evidence folder of this name, which must not be there yet.", completion: .directory)
    var pack: FilePath?

    @Option(help: "How many acts the page and the JSON list one by one; all are counted.")
    var rows = 10_000

    @Option(help: "The log's public key as you hold it, or a file with it.", completion: .file())
    var key: String?

    @Option(help: "A checkpoint that was kept elsewhere; may be given again.", completion: .file())
    var from: [FilePath] = []

    @Flag(help: "Do not put on record that the report was made.")
    var noRecord = false

    func validate() throws {
        guard (1...100_000).contains(rows) else { throw ValidationError("--rows is from 1 to 100000") }
        if pack?.isEmpty == true { throw ValidationError("--pack is the name of a new folder") }
        if pack != nil, out != nil || format != nil {
            throw ValidationError("--pack makes all formats: leave out --out and --format")
        }
        if common.json, out == nil, pack == nil {
            throw ValidationError("--json needs --out: the report itself is the output")
        }
    }

    func run(_ context: Context) async throws -> any Report {
        let reader = try LogReader(context.state.audit)
        let wanted = filter.filter(now: context.now())
        if let pack, Files.exists(pack) {
            throw PlainFailure(.cannotCreate, "\(pack) is there already", hint: "name a new folder")
        }
        if !noRecord { try putOnRecord(context) }
        let work = ReportWork(
            reader: reader, filter: wanted, asked: asked, rows: rows, key: try key.map { try VerifierKey.named($0) },
            kept: try from.map { try LogFolder.readCheckpoint($0) }, context: context)
        let (format, out, pack) = (chosenFormat, out, pack)
        return try await onOwnThread {
            if let pack { return try work.pack(to: pack) }
            return try work.write(format, to: out)
        }
    }

    private var chosenFormat: Format {
        if let format { return format }
        guard let ending = out?.extension else { return .html }
        return ending == "jsonl" ? .ocsf : Format(rawValue: ending) ?? .html
    }

    /// The filter in words, without its times, which the report names itself.
    private var asked: String {
        let parts =
            action.map { "action \($0)" }
            + [("actor", filter.actor), ("target", filter.target), ("outcome", filter.outcome), ("text", filter.text)]
            .compactMap { name, value in value.map { "\(name) \($0)" } }
            + (filter.ignoreCase ? ["in capital or small letters"] : [])
        return parts.joined(separator: ", ")
    }

    private var action: [String] { filter.action }

    /// Before anything is read: where this cannot be written, there is no report.
    private func putOnRecord(_ context: Context) throws {
        var facts: [String: AuditFact] = ["format": .text(pack == nil ? chosenFormat.rawValue : "pack")]
        if let since = filter.filter(now: context.now()).since { facts["since"] = .text(since.brief) }
        if let until = filter.filter(now: context.now()).until { facts["until"] = .text(until.brief) }
        if !asked.isEmpty { facts["asked"] = .text(asked.beginning(500)) }
        do {
            try context.openAudit().append(AuditEvent(.logReport, facts: facts))
        } catch let failure as any Failure where failure.status == .permission || failure.status == .inputMissing {
            throw PlainFailure(
                failure.status, "the report cannot be put on record: \(failure.sentence)",
                hint: "an auditor who may only read says --no-record")
        }
    }
}

/// What was written, and what it says in short.
struct WrittenReport: Report {
    let path: String?
    let acts: Int
    let shown: Int?
    let failures: Int?
    let findings: Int?
    let intact: Bool?
    let bytes: Int

    var status: ExitStatus { intact == false ? .negative : .success }

    var text: String {
        guard let path else { return "" }
        var parts = ["wrote \(path) (\(Words.size(bytes))): \(Words.plural(acts, "act"))"]
        if let shown, shown < acts { parts.append("\(Words.count(shown)) of them one by one") }
        if let failures { parts.append(Words.plural(failures, "failure")) }
        if let findings, findings > 0 { parts.append(Words.plural(findings, "finding")) }
        if let intact { parts.append(intact ? "the log is intact" : "the log is BROKEN") }
        return parts.joined(separator: ", ")
    }
}
