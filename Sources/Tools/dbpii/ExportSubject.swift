import ArgumentParser
import AuditLog
import Console
import Cryptography
import FieldEncryption
import FoundationEssentials
import Platform
import PostgresClient

struct ExportSubject: Command {
    static let configuration = CommandConfiguration.verb(
        "export", "Decrypt everything that the declared columns hold of a person.",
        details: """
            Of all columns of dbpii column, in the tables of dbpii subject link, as of one moment. On record, without the values.
            Values are printed as they are read, however many there are: when the exit code is not 0, what was printed is not all.
            """,
        examples: ["dbpii subject export -d shop 4711 --json > 4711.json"])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions
    @OptionGroup var place: KeyringOptions

    @Argument(help: "The application's id for the person.")
    var subject: String

    func run(_ context: Context) async throws -> any Report {
        let keyring = try await context.openKeyring(place)
        let connection = try await server.connect(context)
        let store = SubjectStore(connection)
        return try await context.openAudit().recording(.subjectExport, target: target(connection, subject)) { note in
            let output = try ExportOutput(subject: subject, json: common.json)
            let count = try await store.export(subject, keyring) { try output.add($0) }
            try output.end()
            note.facts = ["fields": .number(count.fields), "columns": .number(count.columns)]
            return Exported()
        }
    }
}

/// Writes the values of a person as they come: a line each, or one JSON document.
private final class ExportOutput {
    private struct Field: Encodable {
        let column: String
        let value: String
    }

    private let subject: String
    private let json: Bool
    private let encoder = JSONEncoder()
    private var waiting: [UInt8] = []
    private var count = 0

    init(subject: String, json: Bool) throws {
        (self.subject, self.json) = (subject, json)
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    }

    func add(_ value: SubjectStore.Value) throws {
        if json {
            waiting += Array((count == 0 ? "{\"fields\":[" : ",").utf8)
            waiting += try encoder.encode(Field(column: value.column, value: value.text))
        } else {
            waiting += Array("\(Plain.line(value.column)): \(Plain.line(value.text))\n".utf8)
        }
        count += 1
        if waiting.count > 1 << 16 { try flush() }
    }

    func end() throws {
        if json {
            if count == 0 { waiting += Array("{\"fields\":[".utf8) }
            waiting += Array("],\"schema\":\(JSONDocument.schema),\"subject\":".utf8)
            waiting += try encoder.encode(subject)
            waiting += Array("}\n".utf8)
        } else if count == 0 {
            waiting += Array("nothing is stored of \(Plain.line(subject))\n".utf8)
        }
        try flush()
    }

    private func flush() throws {
        try StandardOutput.write(waiting)
        wipe(&waiting)
    }
}

/// Nothing that is left to be printed.
private struct Exported: Report {
    var text: String { "" }
    var isPrinted: Bool { true }
}
