import ArgumentParser
import AuditLog
import Console
import Cryptography
import FieldEncryption
import Platform
import SystemPackage

/// What `encrypt` and `decrypt` share.
struct FieldOptions: ParsableArguments, Sendable {
    @Option(help: "The column's context, as users.ssn.")
    var context: String

    @Option(help: "The uuid of the row, for a column that is bound to its rows.", transform: rowID)
    var row: RowID?

    @Sendable private static func rowID(_ text: String) throws -> RowID {
        guard let row = RowID(text) else { throw ValidationError("\"\(text)\" is not a uuid") }
        return row
    }

    func column(_ keyring: Keyring, padding: Int = FieldKey.defaultPadding) throws -> FieldColumn {
        try FieldCipher(keyring).column(context, binding: row == nil ? .column : .row, padding: padding)
    }

    /// The lines of standard input; a line feed at the very end ends the last line.
    func input() throws -> [ArraySlice<UInt8>] {
        let bytes = try Files.read("/dev/stdin", limit: 256 << 20)
        guard !bytes.isEmpty else { return [] }
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }
}

struct Encrypt: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Encrypt values from standard input, one a line, into fields for a bytea column.",
        details:
            "An empty line is the empty string. The context is the column's stable name, as dbpii column start gave it.",
        examples: [
            "printf '078-05-1120\\n' | dbpii encrypt --context users.ssn",
            "dbpii encrypt --context users.ssn --row 6f1c0f5e-8a4b-4a57-9d2a-0c8a2f6f7b11 --format base64 < values",
        ])

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case hex, base64
    }

    @OptionGroup var common: CommonOptions
    @OptionGroup var place: KeyringOptions
    @OptionGroup var field: FieldOptions

    @Option(help: "hex, as psql writes a bytea (\\x...), or base64.")
    var format = Format.hex

    @Option(help: "Pad to a multiple of so many bytes.")
    var padding = FieldKey.defaultPadding

    func validate() throws {
        guard (1...4096).contains(padding) else { throw ValidationError("padding is from 1 to 4096 bytes") }
    }

    func run(_ context: Context) async throws -> any Report {
        let keyring = try await context.openKeyring(place)
        let column = try field.column(keyring, padding: padding)
        let target = AuditTarget(object: field.context)
        return try await context.openAudit().recording(.fieldEncrypt, target: target) { note in
            let values = try field.input().map { line in
                let sealed = try column.encrypt(Array(line), row: field.row?.description)
                return format == .hex ? "\\x" + Hex.encode(sealed) : FieldText.base64(sealed)
            }
            note.facts = ["values": .number(values.count), "key": .text(keyring.active?.id.description ?? "")]
            return ValuesReport(values: values)
        }
    }
}

struct Decrypt: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Decrypt fields from standard input, one a line, as hex (\\x...) or base64.",
        details: """
            Each use is on record, without the values. A value that is no text is printed as \\x and hexadecimal digits; use --json
            for values that may contain line feeds.
            """,
        examples: [
            "psql -Atc 'SELECT ssn_enc FROM users WHERE id = 7' | dbpii decrypt --context users.ssn"
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var place: KeyringOptions
    @OptionGroup var field: FieldOptions

    func run(_ context: Context) async throws -> any Report {
        let keyring = try await context.openKeyring(place)
        let column = try field.column(keyring)
        let target = AuditTarget(object: field.context)
        return try await context.openAudit().recording(.fieldDecrypt, target: target) { note in
            let lines = try field.input()
            note.facts["values"] = .number(lines.count)
            let values = try lines.enumerated().map { number, line in
                guard let sealed = FieldText.read(line) else {
                    throw PlainFailure(
                        .malformed, "line \(number + 1) is neither \\x and hexadecimal digits nor base64")
                }
                do {
                    let bytes = try column.decrypt(sealed, row: field.row?.description)
                    return String(validating: bytes, as: UTF8.self) ?? "\\x" + Hex.encode(bytes)
                } catch let error as FieldCipherError {
                    throw PlainFailure(.malformed, "line \(number + 1): \(error)")
                }
            }
            return ValuesReport(values: values)
        }
    }
}

private struct ValuesReport: Report {
    let values: [String]

    var text: String { values.joined(separator: "\n") }
}
