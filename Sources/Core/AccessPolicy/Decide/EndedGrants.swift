import Platform
import PostgresClient

/// Grants whose `until` has passed: the policy itself says that they go, whatever its mode is and whatever it manages.
extension Planner {
    /// What was granted until a moment that has passed, by whom it was held.
    func endedHoldings() -> [Holding: (privileges: PrivilegeSet, options: PrivilegeSet, source: Int)] {
        var ended: [Holding: (privileges: PrivilegeSet, options: PrivilegeSet, source: Int)] = [:]
        for (index, grant) in moment.endedGrants {
            let privileges = grant.privileges.expanded(for: grant.target.kind, version: snapshot.server.version)
            for object in snapshot.objects(of: grant.target) {
                for grantee in grant.grantees {
                    var all = ended[Holding(object, grantee)] ?? ([], [], index)
                    all.privileges.formUnion(privileges)
                    if grant.withGrantOption { all.options.formUnion(privileges) }
                    ended[Holding(object, grantee)] = all
                }
            }
        }
        return ended
    }

    mutating func planEndedDefaults() throws {
        for (index, grant) in moment.endedGrants {
            let kind = grant.target.kind
            let ended = grant.privileges.expanded(for: kind, version: snapshot.server.version)
            for creator in grant.futureCreators {
                for schema in grant.target.wholeSchemas ?? [] {
                    for grantee in grant.grantees where !scope.manages(schema: schema, grantee) {
                        let holding = DefaultHolding(creator: creator, schema: schema, kind: kind, grantee: grantee)
                        let excess = (snapshot.defaults[holding]?.privileges ?? []).intersection(ended)
                            .subtracting(liveDefaults(holding))
                        guard !excess.isEmpty else { continue }
                        try add(
                            Change(
                                .revokeDefault, .narrows,
                                [
                                    GrantStatements.revokeDefault(
                                        excess, kind, creator: creator, schema: schema, from: [grantee])
                                ], reason: "grants[\(index)].future: ended at \(grant.until?.brief ?? "")",
                                requires: [.inherit(creator)]),
                            grantees: [grantee], at: "grants[\(index)].future")
                    }
                }
            }
        }
    }

    private func liveDefaults(_ holding: DefaultHolding) -> PrivilegeSet {
        policy.futures.reduce(into: []) { all, future in
            guard future.declared.holdings.contains(holding) else { return }
            all.formUnion(future.declared.privileges.expanded(for: holding.kind, version: snapshot.server.version))
        }
    }

    /// What granting and revoking on these objects asks for; as another grantor, only to become that role.
    func needs(
        of privileges: PrivilegeSet, on objects: [ObjectID], for grantees: [Grantee], by grantor: String? = nil
    ) -> Set<Requirement> {
        let concerned = Set(grantees.map { Requirement.concern($0) })
        if let grantor { return concerned.union(objects.map { .touch($0) }).union([.become(grantor)]) }
        return concerned.union(objects.map { .grant(privileges, on: $0) })
    }
}
