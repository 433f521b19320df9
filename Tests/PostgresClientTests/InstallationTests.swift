import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

struct `PostgreSQL's programs` {
    @Test func `are found with their version`() async throws {
        let installation = try await Cluster.installation()
        let said = try await Program.run(installation.program("postgres").string, ["--version"]).stdout
        #expect(said.contains(") \(installation.version)"))
        #expect(installation.version.hasPrefix("\(installation.majorVersion)"))
    }

    @Test func `of a version that is not there are asked for by the package's name`() async throws {
        let folder = try await Cluster.installation().folder
        let failure = await #expect(throws: PlainFailure.self) {
            try await PostgresInstallation.atLeast(99, given: folder)
        }
        #expect(failure?.status == .unavailable)
        #expect(failure?.hint?.contains("postgresql-99") == true)
    }

    @Test func `are not looked for elsewhere when a folder is named`() async throws {
        let failure = await #expect(throws: PlainFailure.self) {
            try await PostgresInstallation.newest(environment: ["DBSEC_POSTGRES": "/nowhere"])
        }
        #expect(failure?.sentence == "there is no pg_dump in /nowhere")
    }

    @Test func `serve an older server too`() async throws {
        let installation = try await Cluster.installation()
        #expect(try await PostgresInstallation.atLeast(12, given: installation.folder) == installation)
    }
}
