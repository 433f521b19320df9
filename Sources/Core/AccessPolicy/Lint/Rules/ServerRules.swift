import PostgresClient

/// The server itself.
enum ServerRules {
    static let all = [behind, encryption]

    /// The first release of each major version in which a hole in row security, privileges or statistics was closed.
    private static let closed: [(cve: String, what: String, fixed: [Int])] = [
        ("CVE-2016-2193", "a plan for one role is used for another", [90502]),
        ("CVE-2019-10130", "statistics leak rows past row security", [90517, 90613, 100_008, 110_003]),
        ("CVE-2023-2454", "CREATE SCHEMA runs code as others", [110_020, 120_015, 130_011, 140_008, 150_003]),
        (
            "CVE-2023-2455", "row security of another role after inlining",
            [110_020, 120_015, 130_011, 140_008, 150_003]
        ),
        ("CVE-2023-39418", "MERGE skips UPDATE and SELECT policies", [150_004]),
        ("CVE-2024-4317", "pg_stats_ext shows others' statistics", [140_012, 150_007, 160_003]),
        (
            "CVE-2024-10976", "row security below sub-queries uses the wrong role",
            [120_021, 130_017, 140_014, 150_009, 160_005, 170_001]
        ),
        (
            "CVE-2025-8713", "statistics leak rows past views and row security",
            [130_022, 140_019, 150_014, 160_010, 170_006]
        ),
    ]

    /// The holes that a version still has: those whose repaired release of the same major version is newer, or which
    /// never were repaired in it.
    static func open(in version: Int) -> [String] {
        closed.compactMap { entry in
            // From 10 on a major version is the first number, before it the first two.
            func major(_ version: Int) -> Int { version >= 100_000 ? version / 10_000 : version / 100 * 100 }
            if let fixed = entry.fixed.first(where: { major($0) == major(version) }) {
                return version < fixed ? "\(entry.cve) (\(entry.what))" : nil
            }
            // MERGE came with 15, the statistics' view with 14.
            guard let oldest = entry.fixed.first, version < oldest else { return nil }
            let hasIt = entry.cve != "CVE-2023-39418" && entry.cve != "CVE-2024-4317"
            return hasIt ? "\(entry.cve) (\(entry.what))" : nil
        }
    }

    static let behind = LintRule(
        "server-version", .error, "The server has known holes in row security or privileges",
        source: "PostgreSQL, Security Information"
    ) { facts in
        let holes = open(in: facts.catalog.version)
        guard !holes.isEmpty else { return [] }
        let version = facts.catalog.version
        return [
            LintRule.Hit(
                LintObject("server", "\(version / 10_000).\(version % 10_000)"), holes.joined(separator: ", "),
                fix: "-- install the newest minor release")
        ]
    }

    static let encryption = LintRule(
        "password-encryption-md5", .error, "New passwords are kept as MD5",
        source: "PostgreSQL, 20.3.2 Authentication; CIS PostgreSQL Benchmark 5.12"
    ) { facts in
        guard facts.catalog.passwordEncryption == "md5" else { return [] }
        return [
            LintRule.Hit(
                LintObject("parameter", "password_encryption"), "md5",
                fix: "ALTER SYSTEM SET password_encryption = 'scram-sha-256'")
        ]
    }
}
