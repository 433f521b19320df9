import ArgumentParser
import Backups
import Console
import Platform
import PostgresClient

struct Diagnose: Command {
    static let configuration = CommandConfiguration.verb(
        "doctor", "Say, before the first night, everything that would go wrong with a run.",
        details: """
            Programs and their versions, privileges on every table, row security, keys and who can open the backups, room on the
            disk, clocks, lock slots, leftovers, hooks, and what cron's empty environment lacks. Takes what run takes, and
            changes nothing. Exit code 1 if anything would fail; warnings leave it at 0.
            """,
        examples: ["dbbackup doctor", "dbbackup doctor --exclude 'test_*' --config-files --json"])

    @OptionGroup var common: CommonOptions
    @OptionGroup var place: RepositoryOptions
    @OptionGroup var server: ServerOptions
    @OptionGroup var choice: RunChoice

    func run(_ context: Context) async throws -> any Report {
        let settings = try context.settings
        let options = settings.runOptions(choice, context)
        let doctor = Doctor(
            server: try server.parameters(for: context.program)
                .reaching(options.databases.exact, context.environment),
            repository: try await context.repository(place), keys: context.keys, audit: context.state.audit,
            options: options, hooks: settings.hooks, environment: context.environment, now: context.now)
        return DoctorReport(findings: await doctor.examine())
    }
}

private struct DoctorReport: Report {
    let findings: [Doctor.Finding]

    private enum CodingKeys: String, CodingKey {
        case findings
    }

    var status: ExitStatus { findings.contains { $0.verdict == .fail } ? .negative : .success }

    var text: String {
        findings.map { finding in
            let word = finding.verdict.rawValue
            let remedy = finding.remedy.map { "\n      \(Plain.line($0))" } ?? ""
            return word + String(repeating: " ", count: 6 - word.count)
                + Plain.line("\(finding.topic): \(finding.text)") + remedy
        }.joined(separator: "\n")
    }
}
