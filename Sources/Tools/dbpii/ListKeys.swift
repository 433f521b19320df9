import ArgumentParser
import Console
import Cryptography
import Platform
import SystemPackage

struct ListKeys: Command {
    static let configuration = CommandConfiguration.verb(
        "list", "List the keys with their states, whom they are wrapped for, and how the copies stand.",
        details: "Nothing is opened: no secret is needed. Exits with 1 when a copy is missing or does not agree.",
        examples: ["dbpii keys list", "dbpii keys list --json"])

    @OptionGroup var common: CommonOptions
    @OptionGroup var place: KeyringOptions

    func run(_ context: Context) async throws -> any Report {
        let file = try context.keyringFile(place)
        let document = try file.read()
        let copies = file.copies.map { path in
            guard Files.exists(path) else { return CopyReport(path: path.string, state: "missing", agrees: false) }
            do {
                let other = try KeyringFile(path).read()
                let comparison = document.comparison(with: other)
                return CopyReport(path: path.string, state: comparison.words, agrees: comparison == .same)
            } catch {
                let sentence = (error as? any Failure)?.sentence ?? "it cannot be read"
                return CopyReport(path: path.string, state: sentence, agrees: false)
            }
        }
        return ListReport(
            path: file.path.string, ring: document.ring, generation: document.generation,
            changed: document.changed.brief, wrappedFor: document.recipients ?? ["passphrase"],
            keys: document.entries.map(KeyReport.init), copies: copies)
    }
}

extension KeyringComparison {
    var words: String {
        switch self {
        case .same: "the same"
        case .older(let generation): "older: generation \(generation)"
        case .newer(let generation): "newer: generation \(generation)"
        case .disagrees: "disagrees, and is of the same generation"
        case .otherRing: "another ring"
        }
    }
}

private struct CopyReport: Encodable {
    let path: String
    let state: String
    let agrees: Bool
}

private struct ListReport: Report {
    let path: String
    let ring: String
    let generation: Int
    let changed: String
    let wrappedFor: [String]
    let keys: [KeyReport]
    let copies: [CopyReport]

    var status: ExitStatus { copies.allSatisfy(\.agrees) ? .success : .negative }

    var text: String {
        var table = TextTable(["KEY", "STATE", "CREATED", "ACTIVE FROM", "UNTIL", "DESTROYED"])
        for key in keys {
            table.append([
                key.id, key.state, key.created, key.activated ?? "-", key.retired ?? "-", key.destroyed ?? "-",
            ])
        }
        var lines = [table.text, "", "generation \(generation) of \(changed), wrapped for:"]
        lines += wrappedFor.map { "  \($0)" }
        for copy in copies { lines.append("copy \(copy.path): \(copy.state)") }
        return lines.joined(separator: "\n")
    }
}
