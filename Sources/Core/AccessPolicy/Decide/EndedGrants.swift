import Platform
import PostgresClient

/// Grants whose `until` has passed: the policy itself says that they go, whatever its mode is and whatever it manages.
extension Planner {
    /// Takes away what nothing else in the policy grants.
    ///
    /// - Returns: what was revoked, since PostgreSQL revokes a table's privilege on its columns too.
    mutating func planEndedGrants() throws -> [Holding: PrivilegeSet] {
        var revoked: [Holding: PrivilegeSet] = [:]
        guard !moment.endedGrants.isEmpty else { return revoked }
        let live = livePrivileges()
        for (index, grant) in moment.endedGrants {
            var batches = Batches()
            let ended = grant.privileges.expanded(for: grant.target.kind, version: snapshot.server.version)
            for object in snapshot.objects(of: grant.target) {
                guard let state = snapshot.objects[object.owned] else { continue }
                for grantee in grant.grantees where grantee != .role(state.owner) {
                    let holding = Holding(object, grantee)
                    // In authoritative mode what is managed goes with all that is not declared.
                    if scope.manages(object, grantee), !state.isExtensionMember { continue }
                    let wanted = live[holding] ?? HeldPrivileges(grantor: "", [])
                    for row in snapshot.privileges[holding] ?? [] {
                        let actor = row.grantor == state.owner ? nil : row.grantor
                        let excess = row.privileges.intersection(ended).subtracting(wanted.privileges)
                        let option =
                            grant.withGrantOption
                            ? row.grantable.intersection(ended).subtracting(wanted.grantable).subtracting(excess) : []
                        if !excess.isEmpty { batches.add(holding, excess, isAboutOption: false, by: actor) }
                        if !option.isEmpty { batches.add(holding, option, isAboutOption: true, by: actor) }
                        revoked[holding, default: []].formUnion(excess)
                    }
                }
            }
            for batch in batches.sorted(delegatedFirst: true) { try planRevoke(batch, index, grant) }
        }
        return revoked
    }

    private mutating func planRevoke(_ batch: Batches.Batch, _ index: Int, _ grant: GrantDeclaration) throws {
        let place = "grants[\(index)]"
        for start in stride(from: 0, to: batch.objects.count, by: GrantStatements.objectsPerStatement) {
            let objects = Array(batch.objects[start...].prefix(GrantStatements.objectsPerStatement))
            let revoke = GrantStatements.revoke(
                batch.key.privileges, on: objects, from: [batch.key.grantee], onlyGrantOption: batch.key.isAboutOption)
            let statements: [SQL] =
                batch.key.grantor.map { ["SET LOCAL ROLE \(identifier: $0)", revoke, "RESET ROLE"] } ?? [revoke]
            try add(
                Change(
                    .revoke, .narrows, statements, reason: "\(place): ended at \(grant.until?.brief ?? "")",
                    requires: needs(of: batch.key.privileges, on: objects, by: batch.key.grantor)),
                grantees: [batch.key.grantee], at: place)
        }
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

    private func livePrivileges() -> [Holding: HeldPrivileges] {
        var live: [Holding: HeldPrivileges] = [:]
        for grant in policy.grants where !grant.grantees.isEmpty {
            let privileges = grant.privileges.expanded(for: grant.target.kind, version: snapshot.server.version)
            for object in snapshot.objects(of: grant.target) {
                for grantee in grant.grantees {
                    let nothing = HeldPrivileges(grantor: "", [])
                    live[Holding(object, grantee), default: nothing].privileges.formUnion(privileges)
                    if grant.withGrantOption {
                        live[Holding(object, grantee), default: nothing].grantable.formUnion(privileges)
                    }
                }
            }
        }
        return live
    }

    private func liveDefaults(_ holding: DefaultHolding) -> PrivilegeSet {
        policy.grants.reduce(into: []) { all, grant in
            guard grant.target.kind == holding.kind, grant.futureCreators.contains(holding.creator),
                grant.target.wholeSchemas?.contains(holding.schema ?? "") == true,
                grant.grantees.contains(holding.grantee)
            else { return }
            all.formUnion(grant.privileges.expanded(for: holding.kind, version: snapshot.server.version))
        }
    }

    /// What granting and revoking on these objects asks for; as another grantor, only to become that role.
    func needs(of privileges: PrivilegeSet, on objects: [ObjectID], by grantor: String? = nil) -> Set<Requirement> {
        if let grantor { return [.become(grantor)] }
        return Set(objects.map { .grant(privileges, on: $0) })
    }
}
