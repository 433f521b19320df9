import FoundationEssentials
import Platform
import SystemPackage
import TestSupport
import Testing

/// One case of `Tests/Fixtures/lint`, whose README says how it is written.
struct LintCase: Sendable, CustomTestStringConvertible {
    let file: String
    let line: Int
    let id: String
    /// The object that must be found; nil for a near miss.
    let object: String?
    let since: Int
    let policy: String?
    /// Who lints; nil for the superuser.
    let role: String?
    let script: String

    var testDescription: String { "\(file):\(line) \(object == nil ? "good" : "bad") \(id)" }

    static let all: [LintCase] = {
        do {
            return try load()
        } catch {
            fatalError("the lint's corpus cannot be read: \(error)")
        }
    }()

    private static func load() throws -> [LintCase] {
        let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
        let folder = root.appending("Fixtures/lint")
        return try Files.list(folder).filter { $0.hasSuffix(".sql") }.sorted().flatMap { name in
            try cases(in: String(decoding: try Files.read(folder.appending(name)), as: UTF8.self), named: name)
        }
    }

    private struct Head {
        let line: Int
        let id: String
        let object: String?
        let since: Int
    }

    private static func cases(in text: String, named file: String) throws -> [LintCase] {
        var prelude: [Substring] = []
        var cases: [LintCase] = []
        var head: Head?
        var body: [Substring] = []
        func finish() {
            guard let head else {
                prelude = body
                return
            }
            let policy = body.first { $0.hasPrefix("-- policy: ") }?.dropFirst(11)
            let role = body.first { $0.hasPrefix("-- as: ") }?.dropFirst(7)
            cases.append(
                LintCase(
                    file: file, line: head.line, id: head.id, object: head.object, since: head.since,
                    policy: policy.map(String.init), role: role.map(String.init),
                    script: (prelude + body).joined(separator: "\n")))
        }
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            guard line.hasPrefix("-- bad ") || line.hasPrefix("-- good ") else {
                body.append(line)
                continue
            }
            finish()
            body = []
            head = parse(line, index + 1)
        }
        finish()
        return cases
    }

    /// `-- bad ID [since N]: OBJECT`, `-- good ID [since N]`.
    private static func parse(_ line: Substring, _ number: Int) -> Head {
        let parts = line.split(separator: ":", maxSplits: 1)
        let words = parts[0].split(separator: " ")
        let since = words.firstIndex(of: "since").flatMap { Int(words[$0 + 1]) } ?? 0
        return Head(
            line: number, id: String(words[2]),
            object: parts.count > 1 ? parts[1].trimmingCharacters(in: " ") : nil, since: since)
    }
}

extension Substring {
    fileprivate func trimmingCharacters(in set: Character) -> String {
        String(drop { $0 == set }.reversed().drop { $0 == set }.reversed())
    }
}
