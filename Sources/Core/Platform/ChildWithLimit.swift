import Subprocess
import SystemPackage

extension Child {
    /// Runs to the end or to its time limit, and returns the end of what it wrote to either stream.
    ///
    /// For programs that somebody else wrote: what they start and leave running holds nothing up here, since they write to a
    /// file that has no name. Past the limit all of them are asked to end, and killed five seconds later (timeout(1)).
    ///
    /// - Throws: `ChildFailure` unless it exits with 0.
    @discardableResult
    package func attend(timeLimit seconds: Int) async throws -> String {
        let output = try AnonymousFile()
        defer { output.close() }
        var changes: [Environment.Key: String?] = [:]
        for (key, value) in environment { changes[Environment.Key(stringLiteral: key)] = .some(value) }
        var options = PlatformOptions()
        // timeout passes it on; killed, it could not.
        options.teardownSequence = [.send(signal: .terminate, allowedDurationToNextStep: .seconds(5))]
        do {
            let result = try await Subprocess.run(
                .name("timeout"),
                arguments: Arguments(["--kill-after=5", "\(seconds)", program.string] + arguments),
                environment: .inherit.updating(changes), platformOptions: options, input: .none,
                output: .fileDescriptor(output.descriptor, closeAfterSpawningProcess: false),
                error: .fileDescriptor(output.descriptor, closeAfterSpawningProcess: false))
            try Task.checkCancellation()
            switch result.terminationStatus {
            case .exited(0): return output.tail
            // timeout's own: 124 too long, 126 and 127 not started.
            case .exited(124), .exited(137), .signaled(9):
                throw ChildFailure(program: name, end: .exited(124), messages: "it took longer than \(seconds) s")
            case .exited(127): throw ChildFailure(program: name, end: .notStarted, messages: "there is no such program")
            case .exited(126): throw ChildFailure(program: name, end: .notStarted, messages: "it is not executable")
            case .exited(let code): throw ChildFailure(program: name, end: .exited(code), messages: output.tail)
            case .signaled(let code): throw ChildFailure(program: name, end: .signalled(code), messages: output.tail)
            }
        } catch let error as SubprocessError {
            try Task.checkCancellation()
            throw ChildFailure(program: "timeout", end: .notStarted, messages: String(describing: error))
        }
    }
}

/// A file in the folder for temporary ones that has no name any more.
private struct AnonymousFile {
    let descriptor: FileDescriptor

    init() throws {
        let path = Files.temporaryName(beside: Files.temporaryFolder.appending("output"))
        descriptor = try Files.open(
            path, .readWrite, options: [.create, .exclusiveCreate, .append], permissions: .ownerReadWrite)
        try Files.remove(path)
    }

    /// The last kilobytes.
    var tail: String {
        guard let size = try? descriptor.seek(offset: 0, from: .end) else { return "" }
        var bytes = [UInt8](repeating: 0, count: Int(min(size, 1 << 14)))
        let count =
            (try? bytes.withUnsafeMutableBytes { buffer in
                try descriptor.read(fromAbsoluteOffset: size - Int64(buffer.count), into: buffer)
            }) ?? 0
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    func close() { try? descriptor.close() }
}
