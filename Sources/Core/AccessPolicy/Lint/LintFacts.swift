/// Everything the rules judge, with the ways through it that several of them take.
///
/// Reads nothing: rules are pure functions over it.
struct LintFacts: Sendable {
    let catalog: LintCatalog
    let policy: Policy?
    var verdicts: PlannerVerdicts
    let trust: LintTrust
    /// Tables and partitioned tables, in the order of their names.
    let tables: [LintRelation]
    let relations: [LintRelation]
    /// Those of the database, and those that the document adds; by table.
    let policies: [UInt32: [LintPolicy]]
    let clauses: [PolicyClause]
    /// The columns by which policies anywhere tell rows apart.
    let discriminators: Set<String>
    private let visible: [Visibility: Set<UInt32>]

    private struct Visibility: Hashable {
        let grantee: UInt32
        let space: UInt32
    }

    init(_ catalog: LintCatalog, policy: Policy? = nil, verdicts: PlannerVerdicts = PlannerVerdicts()) {
        self.catalog = catalog
        self.policy = policy
        self.verdicts = verdicts
        trust = LintTrust(catalog, policy)
        relations = catalog.relations.values.sorted { $0.name < $1.name }
        tables = relations.filter(\.isTable)
        let all = (catalog.policies + DeclaredPolicies.missing(in: catalog, from: policy)).sorted {
            ($0.table, $0.name) < ($1.table, $1.name)
        }
        policies = Dictionary(grouping: all, by: \.relation)
        clauses = all.flatMap(\.clauses)
        discriminators = Set(
            clauses.filter { $0.expression.asksCaller() }.flatMap { clause in
                clause.policy.columns.filter { clause.expression.ownColumns(known: [$0]).contains($0) }
            })
        visible = Self.visibility(in: catalog, trust)
    }

    /// Who of those that act with a grantee's rights may also use the schema.
    private static func visibility(in catalog: LintCatalog, _ trust: LintTrust) -> [Visibility: Set<UInt32>] {
        var users: [UInt32: Set<UInt32>] = [:]
        for schema in catalog.schemas.values {
            var roles = trust.reach[schema.owner] ?? []
            for holding in catalog.holdings[.schema(schema.oid)] ?? [] where holding.privileges.contains("USAGE") {
                roles.formUnion(trust.reach[holding.grantee] ?? [])
            }
            users[schema.oid] = roles
        }
        var visible: [Visibility: Set<UInt32>] = [:]
        func add(_ grantee: UInt32, _ space: UInt32) {
            let key = Visibility(grantee: grantee, space: space)
            guard visible[key] == nil else { return }
            visible[key] = (trust.reach[grantee] ?? []).intersection(users[space] ?? [])
        }
        for relation in catalog.relations.values {
            for holding in catalog.holdings[.relation(relation.oid)] ?? [] { add(holding.grantee, relation.space) }
            for column in catalog.columnHoldings[relation.oid] ?? [] { add(column.holding.grantee, relation.space) }
        }
        for sequence in catalog.sequences {
            for holding in catalog.holdings[.relation(sequence.oid)] ?? [] { add(holding.grantee, sequence.space) }
        }
        for function in catalog.functions.values {
            for holding in catalog.holdings[.function(function.oid)] ?? [] { add(holding.grantee, function.space) }
        }
        return visible
    }

    // MARK: Names

    func name(_ role: UInt32) -> String {
        role == 0 ? "PUBLIC" : catalog.roles[role]?.name ?? String(role)
    }

    /// The role with the reason why it counts: `app (login role)`.
    func described(_ role: UInt32) -> String {
        trust.low[role].map { "\(spelled(name(role))) (\($0))" } ?? spelled(name(role))
    }

    func described(_ exposure: Exposure) -> String {
        if exposure.grantee == 0 || trust.low[exposure.grantee] != nil { return described(exposure.grantee) }
        let members = exposure.roles.map(described).sorted()
        let more = members.count > 3 ? " and \(members.count - 3) more" : ""
        return
            "\(spelled(name(exposure.grantee))), as which \(members.prefix(3).joined(separator: ", "))\(more) can act"
    }

    /// `SELECT, UPDATE by app (login role); SELECT by PUBLIC`.
    func described(_ exposures: [Exposure]) -> String {
        exposures.map { exposure in
            let column = exposure.column.map { " (\(spelled($0)))" } ?? ""
            return "\(exposure.privileges.sorted().joined(separator: ", "))\(column) by \(described(exposure))"
        }.sorted().joined(separator: "; ")
    }

    // MARK: Access

    /// The low-trust roles that hold one of these privileges, on the relation or a column of it, and may use its
    /// schema.
    func exposures(of relation: LintRelation, _ wanted: Set<String>) -> [Exposure] {
        let columns = (catalog.columnHoldings[relation.oid] ?? []).compactMap { column in
            exposure(column.holding, column.column, space: relation.space, owner: relation.owner, wanted)
        }
        return (catalog.holdings[.relation(relation.oid)] ?? []).compactMap {
            exposure($0, nil, space: relation.space, owner: relation.owner, wanted)
        } + columns
    }

    func exposures(of function: LintFunction) -> [Exposure] {
        (catalog.holdings[.function(function.oid)] ?? []).compactMap {
            exposure($0, nil, space: function.space, owner: function.owner, ["EXECUTE"])
        }
    }

    func exposures(of sequence: LintSequence, _ wanted: Set<String>) -> [Exposure] {
        (catalog.holdings[.relation(sequence.oid)] ?? []).compactMap {
            exposure($0, nil, space: sequence.space, owner: sequence.owner, wanted)
        }
    }

    /// Of things that no schema holds.
    func exposures(of holder: LintHolder, owner: UInt32, _ wanted: Set<String>) -> [Exposure] {
        (catalog.holdings[holder] ?? []).compactMap { exposure($0, nil, space: nil, owner: owner, wanted) }
    }

    private func exposure(
        _ holding: LintHolding, _ column: String?, space: UInt32?, owner: UInt32, _ wanted: Set<String>
    ) -> Exposure? {
        let privileges = holding.privileges.intersection(wanted)
        guard !privileges.isEmpty else { return nil }
        let reach =
            space.flatMap { visible[Visibility(grantee: holding.grantee, space: $0)] } ?? trust.reach[holding.grantee]
        let roles = (reach ?? []).subtracting([owner])
        guard !roles.isEmpty else { return nil }
        return Exposure(grantee: holding.grantee, privileges: privileges, roles: roles, column: column)
    }
}
