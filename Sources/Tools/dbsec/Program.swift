import ArgumentParser
import Console

@main struct Program: AsyncParsableCommand {
    static let configuration = CommandConfiguration.program(
        "dbsec", "Declare who may do what in a PostgreSQL database, apply it in one transaction, and prove it.",
        details: """
            A policy is a JSON document (comments allowed): roles, grants, row-level security, and tests that act as each
            role. Documentation/policy.md describes it.
            """,
        verbs: [
            ApplyRoles.self, ShowPlan.self, Generate.self, Inspect.self, Lint.self, RunTests.self, WhoCan.self,
            Explain.self, ReportAccess.self, ShowConfiguration.self,
        ])
}
