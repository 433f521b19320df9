import AccessPolicy
import ArgumentParser
import Console
import Platform
import SystemPackage

struct ReportAccess: Command {
    static let configuration = CommandConfiguration.verb(
        "report", "Report who may do what in the database, for an auditor.",
        details: """
            One HTML page that needs nothing else, CSV for a spreadsheet, or JSON; a file is readable by its owner only.

            --review makes a page to sign, with the SHA-256 of what is reviewed. --sign NAME records in the audit log that NAME
            has reviewed it; with --sha256 only if the access is still the same as on the page that was read (else exit code 1).
            """,
        examples: [
            "dbsec report --out access.html", "dbsec report --format csv > access.csv",
            "dbsec report --review --out review.html policy.json",
            "dbsec report --review --sign 'Ada Lovelace' --sha256 5f0c...",
        ])

    enum Format: String, CaseIterable, ExpressibleByArgument {
        case html, csv, json
    }

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions

    @Argument(help: "The policy, for what it gives until a day.", completion: .file(extensions: ["json"]))
    var policy: FilePath?

    @Option(help: "html, csv or json (default: as the name of the file ends, or html).")
    var format: Format?

    @Option(help: "Write it to this file, mode 0600.", completion: .file())
    var out: FilePath?

    @Flag(help: "Make it an access review, with a place to sign.")
    var review = false

    @Option(help: "Record that this person has reviewed the access.")
    var sign: String?

    @Option(name: .customLong("sha256"), help: "Sign only if the content still has this SHA-256.")
    var expected: String?

    func validate() throws {
        if sign != nil, !review { throw ValidationError("--sign belongs to --review") }
        if expected != nil, sign == nil { throw ValidationError("--sha256 belongs to --sign") }
        if sign?.isEmpty == true { throw ValidationError("--sign needs a name") }
    }

    func run(_ context: Context) async throws -> any Report {
        let policy = try policy.map { try PolicyFile.load($0).policy }
        let reader = AccessReader(try await server.connect(context))
        var report = try await reader.report(policy: policy, isReview: review, at: context.now())
        if let sign {
            if let expected, expected.lowercased() != report.sha256 {
                return ReviewRefused(expected: expected.lowercased(), found: report.sha256)
            }
            report = try await reader.sign(report, by: sign, audit: try context.openAudit())
        }
        let text = try text(of: report)
        guard let out else { return AccessDocument(report: report, text: text) }
        try Files.write(Array(text.utf8), to: out.absolute)
        return AccessDocument(report: report, text: summary(report, out))
    }

    private func text(of report: AccessReport) throws -> String {
        let ending = out?.extension.flatMap { Format(rawValue: $0.lowercased()) }
        switch format ?? (common.json && out == nil ? .json : ending ?? .html) {
        case .html: return try ReportPage.html(of: report)
        // Printing adds the line feed that the last line ends in.
        case .csv: return String(AccessTable.text(of: report).unicodeScalars.dropLast())
        case .json: return try JSONDocument.text(AccessDocument(report: report, text: ""))
        }
    }

    private func summary(_ report: AccessReport, _ path: FilePath) -> String {
        let signed = report.signature.map { ", signed off by \($0.name) in audit record \($0.record)" } ?? ""
        return Plain.line(
            "wrote \(path): \(Words.plural(report.summary.roles, "role")), "
                + "\(Words.plural(report.summary.objects, "object")), content \(report.sha256)\(signed)")
    }
}

struct AccessDocument: Report {
    let report: AccessReport
    let text: String

    func encode(to encoder: any Encoder) throws {
        try report.encode(to: encoder)
    }
}

struct ReviewRefused: Report {
    let expected: String
    let found: String

    var status: ExitStatus { .negative }
    var text: String {
        "not signed: the access has changed since that page was made: its content is \(found) now"
    }
}
