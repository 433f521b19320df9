package import ArgumentParser
package import Platform

/// One verb of a program: parses its arguments, calls the core, returns what it found.
///
/// Running, printing and the exit status are the same for all of them and stand here once.
package protocol Command: AsyncParsableCommand, Sendable {
    var common: CommonOptions { get }

    /// Does the work; the report is printed and its status becomes the exit status.
    func run(_ context: Context) async throws -> any Report
}

/// What a verb found, in two printings: text for people and one JSON document for programs.
package protocol Report: Encodable, Sendable {
    /// For people; without a line feed at the end. Empty prints nothing.
    var text: String { get }
    /// `.success`, or `.negative` when the answer is no.
    var status: ExitStatus { get }
    /// Whether the verb has printed it already, piece by piece, since all of it would fill the memory.
    var isPrinted: Bool { get }
}

extension Report {
    package var isPrinted: Bool { false }
    package var status: ExitStatus { .success }
}

extension Command {
    package mutating func run() async throws {
        let verb = self
        let (outcome, signal) = await cancellingOnSignals { await verb.outcome() }
        ProgressLine.shared.clear()
        let status: ExitStatus =
            switch signal {
            case .none: outcome
            case .some(2): .interrupted
            case .some: .terminated
            }
        if signal != nil { StandardError.write("stopped: nothing was left half done\n") }
        throw ExitCode(status.rawValue)
    }

    /// The only place where an error becomes words and an exit status.
    private func outcome() async -> ExitStatus {
        do {
            let context = try Context(program: Self.programName, options: common)
            let report = try await run(context)
            ProgressLine.shared.clear()
            try print(report)
            return report.status
        } catch {
            ProgressLine.shared.clear()
            guard !Task.isCancelled else { return .interrupted }
            let failure: any Failure =
                error as? any Failure
                ?? PlainFailure(.internalError, "a bug: \(error)", hint: "please report it, with what you ran")
            StandardError.write("error: \(Plain.line(failure.sentence))\n")
            if let hint = failure.hint { StandardError.write("hint: \(Plain.line(hint))\n") }
            if common.json { try? StandardOutput.write(JSONDocument.text(FailureReport(failure)) + "\n") }
            return failure.status
        }
    }

    private func print(_ report: any Report) throws {
        guard !report.isPrinted else { return }
        if common.json {
            try StandardOutput.write(JSONDocument.text(report) + "\n")
        } else if !report.text.isEmpty, !(common.quiet && report.status == .success) {
            try StandardOutput.write(report.text + "\n")
        }
    }

    /// The program's own name, whatever link it was started by: records and messages carry it.
    private static var programName: String {
        CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? "dbsec"
    }
}

private struct FailureReport: Report {
    struct Failed: Encodable {
        let status: Int32
        let sentence: String
        let hint: String?
    }

    let error: Failed
    var text: String { error.sentence }

    init(_ failure: any Failure) {
        error = Failed(status: failure.status.rawValue, sentence: failure.sentence, hint: failure.hint)
    }
}
