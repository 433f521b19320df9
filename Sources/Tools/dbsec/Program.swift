import ArgumentParser
import Console

@main struct Program: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dbsec",
        abstract: "Declare who may do what in a PostgreSQL database, apply it in one transaction, and prove it.",
        discussion: """
            A policy is a JSON document (comments allowed): roles, grants, row-level security, and tests that act as each
            role. Documentation/policy.md describes it.

            Exit codes: 0 done, 1 the answer is no (a difference, too many revokes, a failed test), 64 usage, 65 the policy
            is malformed, 66 no such file or database, 69 no server, 74 input/output error, 75 another apply is under way,
            77 permission denied, 78 configuration.
            """,
        version: Release.version,
        subcommands: [ApplyRoles.self, ShowPlan.self, Generate.self, RunTests.self])
}
