import AccessPolicy
import ArgumentParser
import Console
import SystemPackage

struct Generate: Command {
    static let configuration = CommandConfiguration.verb(
        nil, "Print the policy as one SQL script for psql, without a server.",
        details: """
            The same policy gives the same text, and running the script twice changes nothing more. It declares only: it takes
            nothing away and sets no passwords.
            """,
        examples: ["dbsec generate policies/ecommerce.json > policy.sql"])

    @OptionGroup var common: CommonOptions

    @Argument(help: "The policy.", completion: .file(extensions: ["json"]))
    var policy: FilePath

    func run(_ context: Context) async throws -> any Report {
        let file = try PolicyFile.load(policy)
        return ScriptReport(sql: try Script.text(of: file.policy, named: policy.lastComponent?.string ?? "policy"))
    }
}

struct ScriptReport: Report {
    let sql: String

    /// Printing adds the line feed that it ends in.
    var text: String { String(sql.dropLast()) }
}
