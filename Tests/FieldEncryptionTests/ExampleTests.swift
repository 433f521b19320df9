import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

/// The worked example, under load, through every phase and back.
@Suite(.cluster, .database, .timeLimit(.minutes(15))) struct ExampleTests {
    @Test func `the application never reads a number that it did not write`() async throws {
        let python = packageRoot.appending(".build-fields/python")
        try #require(Files.exists(python), "run scripts/fetch-fields")
        try await withFieldHost { host in
            let programs = Program.path("dbpii")
            let walk = packageRoot.appending("Documentation/examples/encrypt-a-column/walk")
            let path = host.database.cluster.installation.folder
            let environment = host.environment.merging(
                [
                    "PYTHONPATH": python.string, "DBPII": programs.string,
                    "PATH": "\(path):/usr/local/bin:/usr/bin:/bin",
                ]
            ) { $1 }
            let result = try await Program.run("/bin/bash", [walk.string, "1"], environment: environment)
            #expect(result.status == 0, "\(result.stdout)\n\(result.stderr)")
            let ends = result.stdout.split(separator: "\n").filter {
                $0.hasSuffix("every number read as it was written")
            }
            #expect(ends.count == 14)
            #expect(result.stdout.contains("no column is being encrypted"))
        }
    }
}
