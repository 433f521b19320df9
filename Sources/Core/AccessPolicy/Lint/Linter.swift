package import Platform
package import PostgresClient

/// Looks for known traps in a database, and in the policy that is meant for it.
///
/// Changes nothing, and leaves no lock behind.
package struct Linter: Sendable {
    /// What is judged, and what of it is shown.
    package struct Options: Sendable {
        /// Only findings in these schemas; all when empty.
        package var schemas: Set<String> = []
        /// Only these rules; all when empty.
        package var only: Set<String> = []
        package var except: Set<String> = []
        package var baseline: Baseline?
        /// Owners, besides superusers and the connected role, whose code the planner may run.
        package var trustedOwners: [String] = []
        /// How long reading may wait for a table that somebody has locked.
        package var lockTimeout = Duration.seconds(10)

        package init() {}

        func runs(_ id: String) -> Bool { (only.isEmpty || only.contains(id)) && !except.contains(id) }
    }

    private let connection: Connection
    private let policy: Policy?
    private let options: Options

    package init(_ connection: Connection, policy: Policy? = nil, options: Options = Options()) {
        self.connection = connection
        self.policy = policy
        self.options = options
    }

    /// Reads the catalog in one read-only transaction and judges it.
    ///
    /// - Throws: with status 66 for a schema that is not there, with 75 when a table stays locked.
    package func run(at now: Timestamp) async throws -> LintOutcome {
        var reading = TransactionOptions.reading
        reading.lockTimeout = options.lockTimeout
        let facts = try await connection.transaction(reading) { () -> LintFacts in
            var reader = LintReader(connection)
            var facts = LintFacts(try await reader.read(for: policy), policy: policy)
            let trusted = options.trustedOwners + (policy?.trustedOwners ?? [])
            facts.verdicts = try await LintOracle(connection, facts, trustedOwners: trusted).verdicts()
            return facts
        }
        try checkSchemas(facts)
        return try judge(facts, at: now)
    }

    private func checkSchemas(_ facts: LintFacts) throws {
        let known = Set(facts.catalog.schemas.values.map(\.name))
        guard let missing = options.schemas.subtracting(known).sorted().first else { return }
        throw PlainFailure(
            .inputMissing, "there is no schema \"\(missing)\"" + Suggestion.phrase(for: missing, among: known))
    }

    /// Pure: from here on no connection is needed.
    func judge(_ facts: LintFacts, at now: Timestamp) throws -> LintOutcome {
        let rules = LintRule.all.filter { options.runs($0.id) }
        var findings = try rules.flatMap { try $0.findings(in: facts) }
        if !options.schemas.isEmpty {
            findings = findings.filter { finding in finding.object.schema.map(options.schemas.contains) == true }
        }
        if let baseline = options.baseline {
            // What a narrower view left out is not gone.
            let ran: Set<String> = options.schemas.isEmpty ? Set(rules.map(\.id)) : []
            findings = baseline.judge(findings, ran: ran, at: now).filter { finding in
                !Baseline.ruleIdentifiers.contains(finding.id) || options.runs(finding.id)
            }
        }
        findings.sort { ($1.severity, $0.id, $0.object) < ($0.severity, $1.id, $1.object) }
        return LintOutcome(findings: findings, notes: notes(facts))
    }

    private func notes(_ facts: LintFacts) -> [String] {
        var notes: [String] = []
        let reasons = Dictionary(grouping: facts.verdicts.undecided) { $0.value }
        for (reason, tables) in reasons.sorted(by: { $0.key < $1.key }) {
            let names = tables.compactMap { facts.catalog.relations[$0.key]?.name.description }.sorted()
            let more = names.count > 3 ? " and \(names.count - 3) more" : ""
            notes.append(
                "the planner was not asked about \(counted(tables.count, "table", "tables")) "
                    + "(\(names.prefix(3).joined(separator: ", "))\(more)), whose policies were read as text only: \(reason)"
            )
        }
        let others = facts.trust.low.keys.filter { facts.catalog.roles[$0]?.mayAct == false }
        if !others.isEmpty, !facts.securedTables.isEmpty {
            notes.append(
                "the planner was not asked as \(counted(others.count, "role", "roles")), which "
                    + "\(spelled(facts.name(facts.catalog.user))) may not act as")
        }
        if !facts.catalog.readsVerifiers {
            notes.append(
                "passwords were not looked at: \(spelled(facts.name(facts.catalog.user))) may not read pg_authid")
        }
        return notes
    }
}

/// What the lint found, the worst first.
package struct LintOutcome: Sendable {
    package let findings: [Finding]
    /// What could not be decided: no findings, but not a clean bill either.
    package let notes: [String]

    /// Findings that no baseline accepts.
    package var open: [Finding] { findings.filter { $0.accepted == nil } }

    package func count(_ severity: LintSeverity) -> Int { open.count { $0.severity == severity } }
}
