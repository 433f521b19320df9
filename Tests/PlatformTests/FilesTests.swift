import Glibc
import Platform
import SystemPackage
import Testing

private func withFolder<Value>(_ body: (FilePath) async throws -> Value) async throws -> Value {
    let folder = try Files.makeTemporaryDirectory(prefix: "platform-test")
    defer { try? Files.removeTree(folder) }
    return try await body(folder)
}

@Suite struct `Whole files` {
    @Test func `a written file has its mode and leaves no temporary name behind`() async throws {
        try await withFolder { folder in
            let path = folder.appending("secret")
            try Files.write(Array("hello".utf8), to: path)
            try Files.write(Array("again".utf8), to: path)
            #expect(try Files.readSecret(path) == Array("again".utf8))
            #expect(try Files.list(folder) == ["secret"])
        }
    }

    @Test func `a secret that others may read is refused`() async throws {
        try await withFolder { folder in
            let path = folder.appending("key")
            try Files.write([1], to: path, mode: [.ownerReadWrite, .groupRead])
            let failure = #expect(throws: PlainFailure.self) { try Files.readSecret(path) }
            #expect(failure?.status == .configuration)
        }
    }

    @Test func `a file over the limit is refused`() async throws {
        try await withFolder { folder in
            try Files.write([UInt8](repeating: 0, count: 11), to: folder.appending("big"))
            #expect(throws: PlainFailure.self) { try Files.read(folder.appending("big"), limit: 10) }
        }
    }

    @Test func `a missing file is 66 and names itself`() throws {
        let failure = #expect(throws: FileFailure.self) { try Files.read("/nowhere/at/all") }
        #expect(failure?.status == .inputMissing)
        #expect(failure?.sentence == "cannot open /nowhere/at/all: no such file or directory")
    }

    @Test func `a full disk is 74`() throws {
        let full = DescriptorSink(try Files.open("/dev/full", .writeOnly), name: "/dev/full")
        let failure = #expect(throws: FileFailure.self) { try full.write([1, 2, 3].span) }
        #expect(failure?.status == .inputOutput)
    }

    @Test func `a tree is removed without following links`() async throws {
        try await withFolder { folder in
            try Files.createDirectory(folder.appending("a/b/c"))
            try Files.write([1], to: folder.appending("kept"))
            #expect(symlink(folder.appending("kept").string, folder.appending("a/b/link").string) == 0)
            try Files.removeTree(folder.appending("a"))
            #expect(try Files.list(folder) == ["kept"])
        }
    }
}

@Suite struct `Locks among processes` {
    @Test func `a lock that is held is refused with 75 and free again afterwards`() async throws {
        try await withFolder { folder in
            let path = folder.appending("lock")
            try FileLock.holding(path) {
                let failure = #expect(throws: FileFailure.self) { try FileLock.holding(path) {} }
                #expect(failure?.status == .temporary)
            }
            try FileLock.holding(path) {}
        }
    }
}

@Suite struct `Moments` {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000000Z"), (951_782_400, "2000-02-29T00:00:00.000000Z"),
        (1_795_467_011, "2026-11-23T20:50:11.000000Z"), (4_107_542_399, "2100-02-28T23:59:59.000000Z"),
        (-1, "1969-12-31T23:59:59.000000Z"),
    ])
    func `are written and read in UTC`(seconds: Int64, text: String) {
        #expect(Timestamp(seconds: seconds).description == text)
        #expect(Timestamp(text) == Timestamp(seconds: seconds))
    }

    @Test func `a label is a folder's name and reads back`() {
        let moment = Timestamp(seconds: 1_795_467_011)
        #expect(moment.label == "20261123T205011Z")
        #expect(Timestamp(moment.label) == moment)
        #expect(Timestamp("2026-11-23T20:50:11.5Z")?.microseconds == 1_795_467_011_500_000)
    }

    @Test(arguments: [
        "", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "20261123T205011", "2026-11-23 20:50:11", "x",
    ])
    func `anything else is refused`(text: String) {
        #expect(Timestamp(text) == nil)
    }
}
