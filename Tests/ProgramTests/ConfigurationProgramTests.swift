import Platform
import SystemPackage
import TestSupport
import Testing

@Suite struct ConfigurationProgramTests {
    @Test func `config tells every setting and its source, and no password`() async throws {
        try await withTemporaryFolder { folder in
            let file = folder.appending("dbsec.json")
            try Files.write(Array("{\n\"backup\": {\n\"maxLoss\": 30 }}".utf8), to: file)
            let environment: [String: String?] = [
                "DBSEC_CONFIG": file.string, "DBSEC_STATE": "/srv/state", "PGPASSWORD": "hunter2", "PGHOST": "db1",
            ]
            let all = try await Program.run("dbsec", ["config"], environment: environment)
            #expect(all.status == 0, "\(all.stderr)")
            let lines = all.stdout.split(separator: "\n").map { line in
                line.split(separator: " ").joined(separator: " ")
            }
            #expect(lines.contains("config \(file) DBSEC_CONFIG"))
            #expect(lines.contains("state /srv/state DBSEC_STATE"))
            #expect(lines.contains("backup.maxLoss 30 \(file), line 3"))
            #expect(lines.contains("backup.graceHours 24 default"))
            #expect(lines.contains("PGHOST db1 environment"))
            #expect(!all.stdout.contains("hunter2"))
            let set = try await Program.run("dbsec", ["config", "--set", "--json"], environment: environment)
            #expect(set.stdout.contains(#""name":"backup.maxLoss""#))
            #expect(!set.stdout.contains("graceHours"))
        }
    }
}
