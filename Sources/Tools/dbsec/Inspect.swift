import AccessPolicy
import ArgumentParser
import Console
import Platform
import SystemPackage

struct Inspect: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Write a policy document for the database as it stands.",
        details: """
            Roles, owners, grants, default privileges and row security, with a plan that is empty on this database. Never a
            password. Exit code 1 if the document would change something all the same.
            """,
        examples: ["dbsec inspect -d shop --out policy.json", "dbsec inspect -d shop --schema app"])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions

    @Option(help: "Only this schema, and the roles that have to do with it.")
    var schema: String?

    @Option(help: "Write it to this file, mode 0600.", completion: .file(extensions: ["json"]))
    var out: FilePath?

    func run(_ context: Context) async throws -> any Report {
        let inspection = try await Inspection.inspect(try await server.connect(context), schema: schema)
        for note in inspection.notes { context.warn("not in the policy: \(note)") }
        for difference in inspection.differences { context.warn("its plan is not empty: \(difference)") }
        if let out { try Files.write(Array(inspection.document.utf8), to: out.absolute) }
        return InspectionReport(inspection, writtenTo: out)
    }
}

struct InspectionReport: Report {
    private let inspection: Inspection
    private let path: FilePath?

    init(_ inspection: Inspection, writtenTo path: FilePath?) {
        self.inspection = inspection
        self.path = path
    }

    var status: ExitStatus { inspection.differences.isEmpty ? .success : .negative }

    /// Printing adds the line feed that the document ends in.
    var text: String { path.map { Plain.line("wrote \($0)") } ?? String(inspection.document.dropLast()) }

    private enum Keys: String, CodingKey {
        case document, notes, differences
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(inspection.document, forKey: .document)
        try container.encode(inspection.notes, forKey: .notes)
        try container.encode(inspection.differences, forKey: .differences)
    }
}
