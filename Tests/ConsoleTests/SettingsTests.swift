import Console
import Platform
import SystemPackage
import TestSupport
import Testing

/// Where the package lies, from this file's own place in it.
private let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()

@Suite struct SettingsTests {
    @Test(arguments: [("dbbackup", "backup"), ("dbaudit", "audit"), ("dbpii", "pii"), ("dbauth", "auth")])
    func `the table has what the program reads, and nothing else`(program: String, section: String) throws {
        let source = root.appending("Sources/Tools/\(program)/Settings.swift")
        let listed = Setting.all.filter { $0.section == section }.map(\.key)
        guard Files.exists(source) else {
            #expect(listed.isEmpty)
            return
        }
        let lines = String(decoding: try Files.read(source), as: UTF8.self).split(separator: "\n")
        // The first enumeration of keys is the section's own; those of parts follow it.
        let start = try #require(lines.firstIndex { $0.contains("enum Keys: String, CodingKey") })
        let cases = lines[(start + 1)...].prefix { !$0.contains("}") }
        let keys = cases.flatMap { line in
            line.replacing("case ", with: "").split(separator: ",").map { $0.filter { !$0.isWhitespace } }
        }
        #expect(!keys.isEmpty)
        #expect(listed.sorted() == keys.sorted())
    }

    @Test func `what the file says is shown with its line, and a key that is none is refused`() async throws {
        try await withTemporaryFolder { folder in
            let file = folder.appending("dbsec.json")
            try Files.write(
                Array(
                    """
                    {
                      "state": "/srv/state", // of this host
                      "backup": {
                        "jobs": 3,
                        "hooks": { "before": ["/bin/true", "a \\"b\\""] },
                      },
                    }
                    """.utf8), to: file)
            let configuration = try Configuration(file, environment: [:])
            let values = try configuration.values(of: "backup")
            #expect(values["jobs"]?.text == "3" && values["jobs"]?.line == 4)
            #expect(values["hooks"]?.text == #"{"before": ["/bin/true", "a \"b\""]}"#)
            #expect(try configuration.values(of: "policy").isEmpty)

            try Files.write(Array(#"{"backup": {"keeplast": 3}}"#.utf8), to: file)
            let wrong = try Configuration(file, environment: [:])
            let failure = #expect(throws: PlainFailure.self) { try wrong.values(of: "backup") }
            #expect(failure?.status == .configuration)
            #expect(failure?.sentence.contains("line 1: backup: unknown key \"keeplast\"") == true)
            #expect(failure?.sentence.contains("keepLast") == true)
        }
    }
}
