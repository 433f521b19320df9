import ArgumentParser
import Console
import Platform
import SystemPackage

struct ShowConfiguration: Command {
    static let configuration = CommandConfiguration.verb(
        "config", "Print every effective setting of the toolkit, and where it comes from.",
        details: """
            A flag beats the environment, which beats the file (--config, DBSEC_CONFIG, or /etc/dbsec/dbsec.json). A server is found
            by libpq's own rules: -d, -h, -p, -U, PG*, PGSERVICE, .pgpass.
            """,
        examples: ["dbsec config", "dbsec config --set", "dbsec config --json"])

    @OptionGroup var common: CommonOptions

    @Flag(help: "Only what somebody has set.")
    var set = false

    func run(_ context: Context) async throws -> any Report {
        var lines = [
            ConfigurationReport.Line(
                name: "config", value: context.configuration.file ?? "none",
                source: common.config != nil
                    ? "--config" : context.environment["DBSEC_CONFIG"] != nil ? "DBSEC_CONFIG" : "default",
                meaning: "the configuration file"),
            ConfigurationReport.Line(
                name: "state", value: context.state.path.string, source: context.state.source,
                meaning: "audit log, keys, and by default the backups"),
            ConfigurationReport.Line(
                name: "postgres", value: context.environment["DBSEC_POSTGRES"] ?? "what fits the server",
                source: context.environment["DBSEC_POSTGRES"] == nil ? "default" : "DBSEC_POSTGRES",
                meaning: "the folder of PostgreSQL's programs"),
        ]
        // What is there for libpq is said, and never what a password is.
        for (name, value) in context.environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("PG") {
            lines.append(
                ConfigurationReport.Line(
                    name: name, value: name == "PGPASSWORD" ? "(set)" : value, source: "environment", meaning: "libpq"))
        }
        for section in Configuration.sections {
            let values = try context.configuration.values(of: section)
            for setting in Setting.all where setting.section == section {
                lines.append(line(setting, values[setting.key], context))
            }
        }
        return ConfigurationReport(settings: set ? lines.filter { !$0.source.hasPrefix("default") } : lines)
    }

    private func line(_ setting: Setting, _ value: SettingValue?, _ context: Context) -> ConfigurationReport.Line {
        guard let value else {
            return ConfigurationReport.Line(
                name: setting.name, value: setting.standard, source: "default", meaning: setting.meaning)
        }
        let place = (context.configuration.file ?? "") + (value.line.map { ", line \($0)" } ?? "")
        return ConfigurationReport.Line(name: setting.name, value: value.text, source: place, meaning: setting.meaning)
    }
}

private struct ConfigurationReport: Report {
    struct Line: Encodable {
        let name: String
        let value: String
        /// `default`, a flag, a variable, or the file and line.
        let source: String
        let meaning: String
    }

    let settings: [Line]

    var text: String {
        let name = settings.map(\.name.count).max() ?? 0
        let value = min(44, settings.map(\.value.count).max() ?? 0)
        return settings.map { line in
            Plain.line("\(padded(line.name, to: name))  \(padded(line.value, to: value))  \(line.source)")
        }.joined(separator: "\n")
    }

    private func padded(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
