import Credentials
import FoundationEssentials
import Platform
import SystemPackage
import TestSupport
import Testing

/// The lines of a file of known answers, each taken apart at its spaces; comments and empty lines are left out.
func vectors(_ name: String) throws -> [[String]] {
    let file = FilePath(#filePath).removingLastComponent().removingLastComponent().appending("Fixtures/credentials")
        .appending(name)
    return String(decoding: try Files.read(file), as: UTF8.self).split(separator: "\n")
        .filter { !$0.hasPrefix("#") }.map { $0.split(separator: " ").map(String.init) }
}

func password(hex: String) throws -> Password {
    var bytes = hex == "-" ? [] : try #require(Hex.decode(hex))
    return Password(taking: &bytes)
}

extension Program {
    /// Runs `dbauth` with secrets on standard input, a line each, and a state folder of its own.
    static func dbauth(
        _ arguments: [String], state: FilePath? = nil, environment: [String: String?] = [:], lines: [String] = []
    ) async throws -> ProgramResult {
        let text = lines.map { $0 + "\n" }.joined()
        let folder = state.map { ["--state", $0.string] } ?? []
        return try await run("dbauth", arguments + folder, environment: environment, input: Array(text.utf8))
    }
}

/// One value of a JSON document that a program printed.
func field<Value>(_ name: String, of result: ProgramResult, as type: Value.Type = Value.self) throws -> Value {
    let document = try JSONDecoder().decode([String: JSONValue].self, from: Data(result.stdout.utf8))
    return try #require(document[name]?.value as? Value, "\(name) in \(result.stdout)\(result.stderr)")
}

enum JSONValue: Decodable {
    case text(String)
    case number(Double)
    case truth(Bool)
    case list([JSONValue])
    case object([String: JSONValue])
    case null

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .truth(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .list(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    var value: Any? {
        switch self {
        case .text(let value): value
        case .number(let value): value
        case .truth(let value): value
        case .list(let values): values.map(\.value)
        case .object(let values): values.mapValues(\.value)
        case .null: nil
        }
    }
}
