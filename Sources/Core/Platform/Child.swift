import Glibc
import Subprocess
package import SystemPackage

/// Another program, run as a child: its arguments are a value, its streams are sinks, its failure is an error.
///
/// Secrets never stand in `arguments`, where every account could read them: they go by `environment` or standard input.
package struct Child: Sendable {
    package let program: FilePath
    package let arguments: [String]
    /// Changes to the inherited environment; nil removes a variable.
    package let environment: [String: String?]
    /// What messages call the program: the wrapped one where `setpriv` or `unshare` stands in front.
    package let name: String
    /// How a child whose task is cancelled is asked to end, before it is killed.
    package let stopping: Stopping

    package enum Stopping: Sendable {
        case terminate
        /// For a PostgreSQL server, where SIGTERM waits for its clients: SIGINT, then SIGQUIT.
        case interrupt
        /// At once, with nothing to say: for one whose end takes with it whatever it had to tidy.
        case kill

        fileprivate var steps: [TeardownStep] {
            switch self {
            case .terminate: [.send(signal: .terminate, allowedDurationToNextStep: .seconds(5))]
            case .interrupt:
                [
                    .send(signal: .interrupt, allowedDurationToNextStep: .seconds(5)),
                    .send(signal: .quit, allowedDurationToNextStep: .seconds(5)),
                ]
            case .kill: []
            }
        }
    }

    /// - Parameter program: a path, or a bare name to be found in PATH.
    package init(
        _ program: FilePath, _ arguments: [String], environment: [String: String?] = [:], name: String? = nil,
        account: Account? = nil, stopping: Stopping = .terminate
    ) {
        self.stopping = stopping
        self.name = name ?? program.lastComponent?.string ?? program.string
        if let account {
            (self.program, self.arguments) = account.command(program, arguments)
        } else {
            (self.program, self.arguments) = (program, arguments)
        }
        self.environment = environment
    }

    /// Runs to the end and returns standard output, which must fit in `limit` bytes.
    ///
    /// - Throws: `ChildFailure` unless the program exits with 0.
    @discardableResult
    package func run(input: [UInt8] = [], limit: Int = 64 << 20) async throws -> [UInt8] {
        if input.isEmpty { return try await stream { try $0.collect(limit: limit) } }
        return try await feed(limit: limit) { try $0.write(input.span) }
    }

    /// Runs to the end with a file as standard input, which the program may also open by `MemoryFile.inputPath`.
    @discardableResult
    package func run(reading file: MemoryFile, limit: Int = 64 << 20) async throws -> [UInt8] {
        try await supervise(.file(file)) { try $0.collect(limit: limit) }
    }

    /// Hands standard output to `consume`, on a thread of its own, while the program runs.
    ///
    /// Returns only after the program has exited with 0: the end of a pipe alone is no success.
    package func stream<Value: Sendable>(
        into consume: @escaping @Sendable (borrowing PipeReader) throws -> Value
    ) async throws -> Value {
        try await supervise(.none, consume)
    }

    /// Pushes what `produce` writes into standard input, from a thread of its own, and returns standard output.
    ///
    /// When `produce` throws, that error is thrown, and the program has seen its input end early.
    @discardableResult
    package func feed(
        limit: Int = 64 << 20, _ produce: @escaping @Sendable (any ByteSink) throws -> Void
    ) async throws -> [UInt8] {
        try await supervise(.produced(produce)) { try $0.collect(limit: limit) }
    }

    private enum Input: Sendable {
        case none
        case produced(@Sendable (any ByteSink) throws -> Void)
        case file(MemoryFile)
    }

    private func supervise<Value: Sendable>(
        _ source: Input, _ consume: @escaping @Sendable (borrowing PipeReader) throws -> Value
    ) async throws -> Value {
        // A child that closes its input early is an error to report, not a signal to die of.
        signal(SIGPIPE, SIG_IGN)
        let (input, feeding) = try standardInput(source)
        let (reading, output) = try Pipe.make()
        async let consumed = onOwnThread { () -> Consumed<Value> in
            let reader = PipeReader(reading)
            let result = Result { try consume(reader) }
            return Consumed(result: result, sawEnd: reader.sawEnd)
        }
        async let produced = feed(feeding, from: source)
        let ended: Result<Void, any Error>
        do {
            try await finish(input, output)
            ended = .success(())
        } catch {
            ended = .failure(error)
        }
        let (answer, offered) = (try await consumed, try await produced)
        // What went wrong first is told: a reader's own error ends the child, and the child's end breaks the pipe.
        if case .failure(let cause) = answer.result, !answer.sawEnd { throw cause }
        if case .failure(let cause) = offered, !isBrokenPipe(cause) { throw cause }
        try ended.get()
        try offered.get()
        return try answer.result.get()
    }

    private func standardInput(_ source: Input) throws -> (child: FileDescriptor, ours: FileDescriptor?) {
        switch source {
        case .none: return (try Files.open("/dev/null", .readOnly), nil)
        case .produced:
            let (reading, writing) = try Pipe.make()
            return (reading, writing)
        // A descriptor of its own, to be closed like the others.
        case .file(let file): return (try file.reopened(), nil)
        }
    }

    private func feed(
        _ descriptor: FileDescriptor?, from source: Input
    ) async throws -> Result<Void, any Error> {
        guard let descriptor, case .produced(let produce) = source else { return .success(()) }
        return try await onOwnThread {
            defer { try? descriptor.close() }
            return Result { try produce(DescriptorSink(descriptor, name: "a pipe")) }
        }
    }

    private func finish(_ input: FileDescriptor, _ output: FileDescriptor) async throws {
        var options = PlatformOptions()
        options.teardownSequence = stopping.steps
        var changes: [Environment.Key: String?] = [:]
        for (key, value) in environment { changes[Environment.Key(stringLiteral: key)] = .some(value) }
        let executable: Executable =
            program.components.count > 1 || program.isAbsolute ? .path(program) : .name(program.string)
        do {
            let result = try await Subprocess.run(
                executable, arguments: Arguments(arguments), environment: .inherit.updating(changes),
                platformOptions: options, input: .fileDescriptor(input, closeAfterSpawningProcess: true),
                output: .fileDescriptor(output, closeAfterSpawningProcess: true), error: .sequence
            ) { execution in
                // Only the end is kept: a talkative child must neither block nor fill our memory.
                var tail: [UInt8] = []
                for try await part in execution.standardError {
                    part.withUnsafeBytes { tail.append(contentsOf: $0) }
                    if tail.count > 1 << 16 { tail.removeFirst(tail.count - 1 << 16) }
                }
                return String(decoding: tail, as: UTF8.self)
            }
            try Task.checkCancellation()
            switch result.terminationStatus {
            case .exited(0): return
            case .exited(let code):
                throw ChildFailure(program: name, end: .exited(code), messages: result.closureResult)
            case .signaled(let code):
                throw ChildFailure(program: name, end: .signalled(code), messages: result.closureResult)
            }
        } catch let error as SubprocessError {
            try Task.checkCancellation()
            throw ChildFailure(program: name, end: .notStarted, messages: String(describing: error))
        }
    }
}

private struct Consumed<Value: Sendable>: Sendable {
    let result: Result<Value, any Error>
    let sawEnd: Bool
}

private func isBrokenPipe(_ error: any Error) -> Bool {
    (error as? FileFailure)?.code == .brokenPipe
}

/// A program could not be started, or did not end well.
package struct ChildFailure: Failure, Equatable {
    package enum End: Equatable, Sendable {
        case notStarted
        case exited(Int32)
        case signalled(Int32)
    }

    package let program: String
    package let end: End
    /// The end of what it wrote to standard error.
    package let messages: String

    package init(program: String, end: End, messages: String) {
        self.program = program
        self.end = end
        self.messages = messages
    }

    /// A disk that is full, wherever the program writes, wants a look and not another try; the second is rclone's own sentence.
    package var status: ExitStatus {
        ["No space left on device", "remaining disk space"].contains { messages.contains($0) }
            ? .inputOutput : .unavailable
    }

    package var sentence: String {
        let lines = messages.split(whereSeparator: \.isNewline).map(String.init)
        // The first error is the cause; what follows is mostly its consequence.
        let telling =
            lines.first { $0.contains("error:") || $0.contains("ERROR:") || $0.contains("FATAL:") } ?? lines.last
        let detail = telling.map { ": \($0.trimmingPrefix("\(program): "))" } ?? ""
        return switch end {
        case .notStarted: "cannot start \(program)\(detail)"
        case .exited(let code): "\(program) failed with status \(code)\(detail)"
        case .signalled(let code): "\(program) was ended by signal \(code)\(detail)"
        }
    }

    package var hint: String? {
        end == .notStarted ? "install \(program), or put it in PATH" : nil
    }
}
