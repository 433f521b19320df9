import AuditLog
import Platform
import SystemPackage
import Testing

/// Other people's programs, run as `Documentation/audit-log.md` says, judge our logs.
@Suite(.timeLimit(.minutes(2))) struct ForeignVerifierTests {
    @Test(arguments: [1, 2, 3, 7, 8, 100]) func `the documented Python finds a log right`(size: Int) async throws {
        try await withLog { log in
            try log.fill(size - 1)
            let output = try await python(log)
            #expect(output == "\(log.verifier.name) \(size) records: the root is right\n")
        }
    }

    @Test func `the documented Python finds an edited log wrong, and one that was cut`() async throws {
        try await withLog { log in
            try log.fill(5)
            let lines = try log.lines()
            try log.replaceLines { $0[3] = $0[3].replacing("\"number\":2", with: "\"number\":7") }
            await #expect(throws: ChildFailure.self) { try await python(log) }
            try log.replaceLines { $0 = lines }
            #expect(try await python(log).hasSuffix("the root is right\n"))
            try log.replaceLines { $0.removeLast() }
            await #expect(throws: ChildFailure.self) { try await python(log) }
        }
    }

    @Test func `records past the checkpoint do not disturb the documented Python`() async throws {
        try await withLog { log in
            try log.forgetting { try log.fill(2) }
            #expect(try await python(log).hasSuffix(" 1 records: the root is right\n"))
        }
    }

    @Test func `the documented OpenSSL command accepts a checkpoint and refuses a forged one`() async throws {
        try await withLog { log in
            try log.fill(4)
            #expect(try await openssl(log) == "Signature Verified Successfully\n")
            let text = String(decoding: try Files.read(log.folder.checkpoint), as: UTF8.self)
            try Files.write(Array(text.replacing("\n5\n", with: "\n4\n").utf8), to: log.folder.checkpoint)
            await #expect(throws: ChildFailure.self) { try await openssl(log) }
        }
    }

    @Test func `every event has its line in the documentation`() throws {
        let text = String(decoding: try Files.read(Self.documentation.appending("audit-events.md")), as: UTF8.self)
        // A row may speak of several events: their codes stand in its first cell.
        let cells = text.split(separator: "\n").filter { $0.hasPrefix("| `") }.compactMap {
            $0.split(separator: "|").first
        }
        for action in AuditAction.allCases {
            #expect(cells.contains { $0.contains("`\(action.rawValue)`") }, "\(action.rawValue)")
        }
    }

    private func python(_ log: AuditLog) async throws -> String {
        let script = try Self.fragment("python")
        let output = try await Child("python3", ["-c", script, log.folder.path.string]).run()
        return String(decoding: output, as: UTF8.self)
    }

    private func openssl(_ log: AuditLog) async throws -> String {
        let names = ["K": log.folder.verifierKey.string, "C": log.folder.checkpoint.string]
        // A folder that goes away with the log, so that the fragment may leave its work behind.
        let environment = names.merging(["TMPDIR": log.folder.path.removingLastComponent().string]) { $1 }
        let output = try await Child(
            "bash", ["-c", Self.fragment("bash")], environment: environment.mapValues { $0 }
        ).run()
        return String(decoding: output, as: UTF8.self)
    }

    /// The fragment that stands in the document, so that what is documented is what is tested.
    private static func fragment(_ language: String) throws -> String {
        let text = String(decoding: try Files.read(documentation.appending("audit-log.md")), as: UTF8.self)
        let opened = try #require(text.ranges(of: "```\(language)\n").first)
        let closed = try #require(text[opened.upperBound...].ranges(of: "```\n").first)
        return String(text[opened.upperBound..<closed.lowerBound])
    }

    private static let documentation = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .removingLastComponent().appending("Documentation")
}
