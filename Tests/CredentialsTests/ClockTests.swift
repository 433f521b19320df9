import Credentials
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

/// The server's clock, by libfaketime: what stands in a file is added to the time.
private enum ServerClock {
    static let offset = FilePath("/dev/shm/dbsec-clock-\(UInt32.random(in: 0 ... .max))")
    static let environment = [
        "LD_PRELOAD": "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "FAKETIME_NO_CACHE": "1",
        "FAKETIME_TIMESTAMP_FILE": offset.string, "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    ]
}

/// Sessions and lockouts when the server's clock goes back and forth.
@Suite(.cluster(environment: ServerClock.environment), .database, .timeLimit(.minutes(10))) struct ClockTests {
    @Test func `a clock that was set back locks no longer and opens nothing again`() async throws {
        defer { try? Files.remove(ServerClock.offset) }
        let test = try await TestStore.make()
        let store = try await test.open()
        try await store.createAccount("alice", Password("the right one"))
        let login = try #require(try await store.login("alice", Password("the right one")).login)
        #expect(try await store.session(login.session) != nil)
        for _ in 0..<6 { _ = try await store.login("bob", Password("guess")) }
        try await set("-90d", on: test)
        // Seen in the future: over, and it stays over when the clock is right again.
        #expect(try await store.session(login.session) == nil)
        #expect(try await store.login("bob", Password("guess")).isRefused)
        let minutes = try await test.count(
            """
            SELECT round(extract(epoch FROM max(locked_until) - clock_timestamp()) / 60)::int FROM dbauth.buckets
            WHERE id < 65536
            """)
        #expect(minutes <= 30)
        let second = try #require(try await store.login("alice", Password("the right one")).login)
        #expect(try await store.session(second.session) != nil)
        // Forward again: the second session has long ended.
        try await set("+0d", on: test)
        #expect(try await store.session(second.session) == nil)
        #expect(try await store.login("alice", Password("the right one")).login != nil)
    }

    /// Moves the server's clock, and looks whether it has moved.
    private func set(_ offset: String, on test: TestStore) async throws {
        try Files.write(Array("\(offset)\n".utf8), to: ServerClock.offset, mode: [.ownerReadWrite, .otherRead])
        let days = offset == "-90d" ? -90 : 0
        let now = Int(Timestamp.now().microseconds / 1_000_000)
        let seen = try await test.count(
            "SELECT round((extract(epoch FROM clock_timestamp()) - \(now)) / 86400)::int")
        #expect(seen == days, "libfaketime must be installed (scripts/install tests)")
    }
}
