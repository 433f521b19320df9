import AccessPolicy
import Platform

/// A proof in the form of JUnit's XML, which CI systems show: one case for each test, one for each finding.
enum JUnit {
    static func document(_ proof: Proof, of policy: String) -> String {
        var lines = ["<?xml version=\"1.0\" encoding=\"UTF-8\"?>"]
        let cases = proof.tests.map(entry) + proof.findings.map(entry)
        let skipped = proof.tests.count { $0.passed && $0.verdict != .proved } + proof.findings.count { !$0.fails }
        let counts = "tests=\"\(cases.count)\" failures=\"\(proof.failures)\" skipped=\"\(skipped)\" errors=\"0\""
        let total = proof.tests.reduce(.zero) { $0 + $1.duration }
        lines.append("<testsuites \(counts) time=\"\(seconds(total))\">")
        lines.append("  <testsuite name=\"\(escaped(policy))\" \(counts) time=\"\(seconds(total))\">")
        lines += cases
        lines += ["  </testsuite>", "</testsuites>"]
        return lines.joined(separator: "\n")
    }

    private static func entry(_ result: TestResult) -> String {
        let name = result.name.map { "\(result.test): \($0)" } ?? result.test
        let outcome = result.verdict == .proved ? nil : result.passed ? "skipped" : "failure"
        return entry(
            named: name, of: result.role, time: seconds(result.duration), outcome, result.verdict.rawValue,
            result.detail ?? "")
    }

    /// What only warns is shown as skipped: it is neither good nor a failure.
    private static func entry(_ finding: ProofFinding) -> String {
        entry(
            named: finding.place ?? "\(finding.table): \(finding.kind.rawValue)", of: "planner", time: "0.000",
            finding.fails ? "failure" : "skipped", finding.kind.rawValue, finding.detail)
    }

    private static func entry(
        named name: String, of suite: String, time: String, _ outcome: String?, _ type: String, _ message: String
    ) -> String {
        let head = "    <testcase name=\"\(escaped(name))\" classname=\"\(escaped(suite))\" time=\"\(time)\""
        guard let outcome else { return head + "/>" }
        // JUnit knows a type for failures only.
        let kind = outcome == "failure" ? " type=\"\(escaped(type))\"" : ""
        return head + "><\(outcome)\(kind) message=\"\(escaped("\(type): \(message)"))\"/></testcase>"
    }

    private static func seconds(_ duration: Duration) -> String {
        let milliseconds = duration.asMilliseconds
        let rest = String(milliseconds % 1000)
        return "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - rest.count) + rest
    }

    /// XML 1.0 has no way to write most control characters.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\n", "\r", "\t": result += "&#\(scalar.value);"
            case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
