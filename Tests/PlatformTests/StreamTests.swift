import Platform
import SystemPackage
import Testing

@Suite(.timeLimit(.minutes(2))) struct `Child programs` {
    @Test func `standard output is returned and standard input is given`() async throws {
        let output = try await Child("cat", []).run(input: Array("through".utf8))
        #expect(String(decoding: output, as: UTF8.self) == "through")
    }

    @Test func `four megabytes pass both ways at once`() async throws {
        let data = [UInt8](repeating: 7, count: 4 << 20)
        let output = try await Child("cat", []).feed { try $0.write(data.span) }
        #expect(output == data)
    }

    @Test func `an end of the pipe is no success when the child fails`() async throws {
        let failure = await #expect(throws: ChildFailure.self) {
            try await Child("sh", ["-c", "echo some rows; echo 'error: no such table' >&2; exit 3"])
                .stream { try $0.collect(limit: 1000) }
        }
        #expect(failure?.sentence == "sh failed with status 3: error: no such table")
        #expect(failure?.end == .exited(3))
    }

    @Test func `a child that was killed is no success`() async throws {
        let failure = await #expect(throws: ChildFailure.self) { try await Child("sh", ["-c", "kill -9 $$"]).run() }
        #expect(failure?.end == .signalled(9))
    }

    @Test func `a missing program is told with what to do`() async throws {
        let failure = await #expect(throws: ChildFailure.self) { try await Child("no-such-program-here", []).run() }
        #expect(failure?.end == .notStarted)
        #expect(failure?.status == .unavailable)
    }

    @Test func `a reader's own error outranks the end that it causes`() async throws {
        await #expect(throws: PlainFailure(.malformed, "enough")) {
            try await Child("yes", []).stream { reader in
                try reader.forEachChunk { _ in throw PlainFailure(.malformed, "enough") }
            }
        }
    }

    @Test func `a feeder's own error outranks the child's`() async throws {
        await #expect(throws: PlainFailure(.malformed, "cut")) {
            try await Child("sh", ["-c", "cat >/dev/null; exit 1"]).feed { _ in throw PlainFailure(.malformed, "cut") }
        }
    }

    @Test func `a child that closes its input early is told by its status`() async throws {
        let failure = await #expect(throws: ChildFailure.self) {
            try await Child("sh", ["-c", "exit 4"]).feed { sink in
                for _ in 0..<100 { try sink.write([UInt8](repeating: 0, count: 1 << 20).span) }
            }
        }
        #expect(failure?.end == .exited(4))
    }

    @Test func `a cancelled task ends its child`() async throws {
        let task = Task { try await Child("sleep", ["60"]).run() }
        try await Task.sleep(for: .milliseconds(100))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `a secret in the environment reaches the child and a removed variable does not`() async throws {
        let child = Child(
            "sh", ["-c", "printf '%s/%s' \"$TOKEN\" \"$HOME\""], environment: ["TOKEN": "t", "HOME": nil])
        #expect(String(decoding: try await child.run(), as: UTF8.self) == "t/")
    }
}

@Suite struct `Compression` {
    private func compressed(_ data: [UInt8], workers: Int32 = 2) throws -> [UInt8] {
        let sink = CollectingSink()
        let compressor = try ZstdCompressor(into: sink, workers: workers)
        var rest = data[...]
        while !rest.isEmpty {
            try compressor.write(Array(rest.prefix(100_000)).span)
            rest = rest.dropFirst(100_000)
        }
        try compressor.finish()
        return sink.bytes
    }

    private func decompressed(_ data: [UInt8]) throws -> [UInt8] {
        let sink = CollectingSink()
        let decompressor = try ZstdDecompressor(into: sink)
        var rest = data[...]
        while !rest.isEmpty {
            try decompressor.write(Array(rest.prefix(777)).span)
            rest = rest.dropFirst(777)
        }
        try decompressor.finish()
        return sink.bytes
    }

    private let sample = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) & 0x3F }

    @Test(arguments: [0, 2] as [Int32]) func `returns what went in`(workers: Int32) throws {
        #expect(try decompressed(compressed(sample, workers: workers)) == sample)
    }

    @Test func `an empty stream returns empty`() throws {
        #expect(try decompressed(compressed([])) == [])
    }

    @Test func `a cut frame is an error at every length`() throws {
        let whole = try compressed(Array(sample.prefix(50_000)))
        for length in Array(stride(from: 0, to: whole.count, by: 97)) + [whole.count - 1] {
            #expect(throws: PlainFailure.self) { try decompressed(Array(whole[..<length])) }
        }
    }

    @Test func `a flipped bit is an error`() throws {
        var damaged = try compressed(sample)
        damaged[damaged.count / 2] ^= 1
        #expect(throws: PlainFailure.self) { try decompressed(damaged) }
    }

    @Test func `the stock program reads it and we read the stock program's`() async throws {
        let ours = try compressed(sample)
        #expect(try await Child("zstd", ["-dc"]).run(input: ours) == sample)
        let theirs = try await Child("zstd", ["-c"]).run(input: sample)
        #expect(try decompressed(theirs) == sample)
    }
}
