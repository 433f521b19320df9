import FoundationEssentials

/// Findings as SARIF 2.1.0 (OASIS), which code hosts and security dashboards read.
package enum Sarif {
    private static let schema = "https://json.schemastore.org/sarif-2.1.0.json"

    /// One line of JSON; objects of the database are logical locations, accepted findings are suppressed.
    package static func text(of findings: [Finding], version: String) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(log(of: findings, version: version)), as: UTF8.self)
    }

    private static func log(of findings: [Finding], version: String) -> Log {
        let baseline = [
            (Baseline.expired, LintSeverity.warning, "An accepted finding has passed its last day"),
            (Baseline.unused, .info, "An accepted finding is not there any more"),
        ]
        let rules =
            LintRule.all.map { rule in
                Descriptor(
                    id: rule.id, shortDescription: Message(text: rule.title),
                    help: Message(text: "Source: \(rule.source). See Documentation/lint.md."),
                    defaultConfiguration: Descriptor.Configuration(level: level(rule.severity)))
            }
            + baseline.map { id, severity, title in
                Descriptor(
                    id: id, shortDescription: Message(text: title),
                    help: Message(text: "See Documentation/lint.md, Baseline."),
                    defaultConfiguration: Descriptor.Configuration(level: level(severity)))
            }
        let positions = Dictionary(rules.enumerated().map { ($1.id, $0) }) { first, _ in first }
        let driver = Driver(name: "dbsec lint", semanticVersion: version, rules: rules)
        let results = findings.map { result($0, positions[$0.id] ?? 0) }
        return Log(
            schema: schema, version: "2.1.0",
            runs: [Run(tool: Tool(driver: driver), columnKind: "unicodeCodePoints", results: results)])
    }

    private static func level(_ severity: LintSeverity) -> String {
        switch severity {
        case .error: "error"
        case .warning: "warning"
        case .info: "note"
        }
    }

    private static func result(_ finding: Finding, _ index: Int) -> Result {
        let remedy = finding.remedy.isEmpty ? "" : "\nRemedy:\n" + finding.remedy.joined(separator: "\n")
        return Result(
            ruleId: finding.id, ruleIndex: index, level: level(finding.severity),
            message: Message(text: "\(finding.object): \(finding.evidence)\(remedy)"),
            locations: [
                Location(logicalLocations: [
                    LogicalLocation(
                        name: finding.object.name, fullyQualifiedName: finding.object.description,
                        kind: finding.object.kind)
                ])
            ],
            partialFingerprints: ["dbsec/v1": "\(finding.id) \(finding.object)"],
            suppressions: finding.accepted.map { [Suppression(kind: "external", justification: $0)] })
    }

    private struct Log: Encodable {
        let schema: String
        let version: String
        let runs: [Run]

        private enum CodingKeys: String, CodingKey {
            case schema = "$schema"
            case version, runs
        }
    }

    private struct Run: Encodable {
        let tool: Tool
        let columnKind: String
        let results: [Result]
    }

    private struct Tool: Encodable {
        let driver: Driver
    }

    private struct Driver: Encodable {
        let name: String
        let semanticVersion: String
        let rules: [Descriptor]
    }

    private struct Descriptor: Encodable {
        struct Configuration: Encodable {
            let level: String
        }

        let id: String
        let shortDescription: Message
        let help: Message
        let defaultConfiguration: Configuration
    }

    private struct Message: Encodable {
        let text: String
    }

    private struct Result: Encodable {
        let ruleId: String
        let ruleIndex: Int
        let level: String
        let message: Message
        let locations: [Location]
        let partialFingerprints: [String: String]
        let suppressions: [Suppression]?
    }

    private struct Location: Encodable {
        let logicalLocations: [LogicalLocation]
    }

    private struct LogicalLocation: Encodable {
        let name: String
        let fullyQualifiedName: String
        let kind: String
    }

    private struct Suppression: Encodable {
        let kind: String
        let justification: String
    }
}
