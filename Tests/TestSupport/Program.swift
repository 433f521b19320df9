import FoundationEssentials
import Glibc
package import Platform
import Subprocess
package import SystemPackage

/// What a program said and how it ended.
package struct ProgramResult: Sendable {
    /// The exit status, or 128 + n after signal n, as a shell says it.
    package let status: Int32
    package let stdout: String
    package let stderr: String
}

/// Runs our own built programs as a user would.
package enum Program {
    /// The folder of the test's own executable, where the build has put the tools too.
    package static var folder: FilePath {
        let executable = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return FilePath(executable ?? CommandLine.arguments[0]).removingLastComponent()
    }

    /// The built program of this name, or a program of the system when it has a slash.
    package static func path(_ name: String) -> FilePath {
        name.contains("/") ? FilePath(name) : folder.appending(name)
    }

    /// Runs a program to its end; `environment` changes the inherited one, where nil removes a variable.
    package static func run(
        _ name: String, _ arguments: [String], environment: [String: String?] = [:], input: [UInt8] = [],
        account: Account? = nil
    ) async throws -> ProgramResult {
        let program = try await start(name, arguments, environment: environment, input: input, account: account)
        return try await program.result()
    }

    /// Starts a program and returns as soon as it runs, so that it can be killed in the middle.
    package static func start(
        _ name: String, _ arguments: [String], environment: [String: String?] = [:], input: [UInt8] = [],
        account: Account? = nil
    ) async throws -> RunningProgram {
        let path = path(name)
        guard Files.exists(path) else {
            throw PlainFailure(.unavailable, "the program \(path) was not built", hint: "run swift build --build-tests")
        }
        let command = account?.command(path, arguments) ?? (program: path, arguments: arguments)
        var changes: [Environment.Key: String?] = [:]
        for (key, value) in environment { changes[Environment.Key(stringLiteral: key)] = .some(value) }
        let configuration = Configuration(
            executable: .path(command.program), arguments: Arguments(command.arguments),
            environment: .inherit.updating(changes))
        let started = AsyncStream<Int32>.makeStream()
        let task = Task {
            defer { started.continuation.finish() }
            return try await supervise(configuration, input) { started.continuation.yield($0) }
        }
        for await identifier in started.stream { return RunningProgram(identifier: identifier, task: task) }
        _ = try await task.value
        throw PlainFailure(.internalError, "\(name) ended before it began")
    }

    private static func supervise(
        _ configuration: Configuration, _ input: [UInt8], started: @escaping @Sendable (Int32) -> Void
    ) async throws -> ProgramResult {
        // A program that does not read its input must not end the tests.
        signal(SIGPIPE, SIG_IGN)
        let result = try await Subprocess.run(
            configuration, input: .inputWriter, output: .sequence, error: .sequence
        ) { execution in
            started(execution.processIdentifier.value)
            async let written: Void = {
                _ = try? await execution.standardInputWriter.write(input)
                try? await execution.standardInputWriter.finish()
            }()
            async let output = text(of: execution.standardOutput)
            async let errors = text(of: execution.standardError)
            await written
            return (try await output, try await errors)
        }
        let status: Int32 =
            switch result.terminationStatus {
            case .exited(let code): code
            case .signaled(let signal): 128 + signal
            }
        return ProgramResult(status: status, stdout: result.closureResult.0, stderr: result.closureResult.1)
    }

    private static func text(of sequence: SubprocessOutputSequence) async throws -> String {
        var bytes: [UInt8] = []
        for try await part in sequence { part.withUnsafeBytes { bytes.append(contentsOf: $0) } }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// A program that was started and not yet waited for.
package struct RunningProgram: Sendable {
    package let identifier: Int32
    fileprivate let task: Task<ProgramResult, any Error>

    package func send(_ signal: Int32) {
        kill(identifier, signal)
    }

    /// The most memory it has had so far, in bytes (VmHWM); nil once it has ended.
    package var peakMemory: Int? {
        guard let status = try? Files.read(FilePath("/proc/\(identifier)/status")) else { return nil }
        let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }

    /// Waits for its end.
    package func result() async throws -> ProgramResult {
        try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }
}
