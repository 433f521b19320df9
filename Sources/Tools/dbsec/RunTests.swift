import AccessPolicy
import ArgumentParser
import Console
import Platform
import SystemPackage

struct RunTests: Command {
    static let configuration = CommandConfiguration.verb(
        "test", "Run the policy's tests against the database as it stands, and undo them.",
        details: "Exit code 1 if one fails. Writes nothing that stays.",
        examples: ["dbsec test -d shop policies/ecommerce.json"])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions

    @Argument(help: "The policy.", completion: .file(extensions: ["json"]))
    var policy: FilePath

    func run(_ context: Context) async throws -> any Report {
        let file = try PolicyFile.load(policy)
        let connection = try await server.connect(context)
        return TestReport(tests: try await Provisioner(connection, file, passwords: GivenPasswords()).test())
    }
}

struct TestReport: Report {
    let tests: [TestResult]

    var status: ExitStatus { tests.allSatisfy(\.passed) ? .success : .negative }

    var text: String {
        let passed = tests.count(where: \.passed)
        let summary =
            tests.isEmpty ? "the policy has no tests" : "\(passed) of \(Words.plural(tests.count, "test")) passed"
        return (tests.map(Self.line) + [summary]).joined(separator: "\n")
    }

    static func line(_ result: TestResult) -> String {
        let name = result.name.map { " (\($0))" } ?? ""
        let verdict = result.passed ? "passed" : "failed: \(result.detail ?? "")"
        return Plain.line("\(result.test)\(name) as \(result.role): \(verdict)")
    }

    private enum Keys: String, CodingKey {
        case tests
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(tests, forKey: .tests)
    }
}
