import Platform
import PostgresClient
import SystemPackage
import Testing

@testable import Backups

@Suite(.timeLimit(.minutes(2))) struct `The scratch cluster` {
    @Test func `serves its body, under the name of the source's superuser`() async throws {
        try await withPlace { place in
            let user: String = try await ScratchCluster.with(wish(place, superuser: "Odd name")) { cluster in
                let connection = try await Connection.open(cluster.parameters(database: "template1"))
                return try await connection.query("SELECT current_user").one()[0]
            }
            #expect(user == "Odd name")
        }
    }

    @Test func `is gone when its body ends, also by an error`() async throws {
        try await withPlace { place in
            await #expect(throws: PlainFailure(.negative, "enough")) {
                try await ScratchCluster.with(wish(place)) { _ in throw PlainFailure(.negative, "enough") }
            }
            let left = try Files.list(place)
            #expect(left.isEmpty)
        }
    }

    @Test func `removes what a killed run left, and nothing that is still in use`() async throws {
        try await withPlace { place in
            let killed = place.appending("\(ScratchCluster.folderPrefix)-killed")
            try Files.createDirectory(killed.appending("cluster/data"))
            try Files.write([], to: killed.appending("lock"))
            let alive = try PrivateFolder(in: place, prefix: ScratchCluster.folderPrefix)
            try await ScratchCluster.with(wish(place)) { _ in }
            let left = try Files.list(place)
            #expect(left == [alive.path.lastComponent?.string])
        }
    }

    @Test func `says so when its program does not start`() async throws {
        try await withPlace { place in
            var wish = wish(place)
            wish.preloadLibraries = ["no_such_library"]
            let failure = await #expect(throws: ChildFailure.self) {
                try await ScratchCluster.with(wish) { _ in }
            }
            #expect(failure?.sentence.contains("no_such_library") == true)
        }
    }
}

private func wish(_ place: FilePath, superuser: String = "postgres") -> ScratchCluster.Wish {
    ScratchCluster.Wish(
        binaries: "/usr/lib/postgresql/15/bin", superuser: superuser, place: place, hidden: [], preloadLibraries: [],
        objects: 0)
}

private func withPlace(_ body: (FilePath) async throws -> Void) async throws {
    try await Isolation.makeAccount()
    let place = try Files.makeTemporaryDirectory(in: "/dev/shm", prefix: "dbsec-test")
    defer { try? Files.removeTree(place) }
    try await body(place)
}
