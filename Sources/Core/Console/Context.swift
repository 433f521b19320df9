package import AuditLog
package import Platform
import SystemPackage

/// The world outside, as a verb sees it: where state lies, what time it is, what the environment says.
package struct Context: Sendable {
    package let program: String
    package let state: StateFolder
    package let configuration: Configuration
    package let environment: [String: String]
    package let isQuiet: Bool

    /// Time comes from here, so that tests can say what time it is.
    package let now: @Sendable () -> Timestamp

    package init(
        program: String, options: CommonOptions, environment: [String: String] = ProcessEnvironment.variables,
        now: @escaping @Sendable () -> Timestamp = { .now() }
    ) throws {
        self.program = program
        self.environment = environment
        self.now = now
        isQuiet = options.quiet || options.json
        configuration = try Configuration(options.config, environment: environment)
        state =
            if let path = options.state {
                StateFolder(path.absolute, source: "--state")
            } else if let path = environment["DBSEC_STATE"], !path.isEmpty {
                StateFolder(FilePath(path).absolute, source: "DBSEC_STATE")
            } else if let path = try configuration.state {
                StateFolder(FilePath(path).absolute, source: configuration.file ?? "the configuration")
            } else {
                .byDefault(environment)
            }
    }

    /// Opens this account's audit log, making it at its first privileged act: without a log nothing is done.
    package func openAudit() throws -> AuditLog {
        var limits = LogLimits()
        if let size = try configuration.section("audit", as: AuditSection.self)?.segmentSize {
            limits.segmentBytes = size << 20
        }
        return try AuditLog.open(state.audit, as: auditSource, limits: limits)
    }

    /// How large a file of the log may be asked to grow.
    package static let segmentMegabytes = 1...4096

    /// The one setting of the log that whoever appends must know; the section as a whole is judged by `dbaudit`.
    private struct AuditSection: Decodable {
        let segmentSize: Int?

        private enum Keys: String, CodingKey { case segmentSize }

        init(from decoder: any Decoder) throws {
            segmentSize = try decoder.container(keyedBy: Keys.self).number(.segmentSize, in: segmentMegabytes)
        }
    }

    /// Who writes records here.
    package var auditSource: AuditSource {
        AuditSource(program: program, version: Release.version, environment: environment)
    }

    /// Something the user should know that does not change the result.
    package func warn(_ text: String) {
        ProgressLine.shared.clear()
        StandardError.write("warning: \(Plain.line(text))\n")
    }

    /// Shows progress on a terminal; silent under cron.
    package var progress: ProgressHandler? {
        guard !isQuiet, StandardError.isTerminal else { return nil }
        return { ProgressLine.shared.show($0) }
    }
}
