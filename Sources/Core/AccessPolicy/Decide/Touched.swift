/// What some changes may alter: what else differs between two looks at the catalog is somebody else's doing.
struct Touched: Codable, Sendable {
    /// As `kind name`.
    private(set) var objects: Set<String> = []
    /// Of these the owner may change, and with it who has granted what to whom.
    private(set) var owned: Set<String> = []
    /// Whose privileges on the objects may change.
    private(set) var grantees: Set<String> = []
    private(set) var roles: Set<String> = []
    /// Roles whose members may change.
    private(set) var admitted: Set<String> = []
    /// Roles whose default privileges may change.
    private(set) var creators: Set<String> = []

    init(_ changes: [Change]) {
        for need in changes.reduce(into: Set<Requirement>(), { $0.formUnion($1.requires) }) {
            switch need {
            case .create(let role):
                roles.insert(role)
                // PostgreSQL may make its maker a member of it.
                admitted.insert(role)
            case .alter(let role): roles.insert(role)
            case .admit(let role): admitted.insert(role)
            case .inherit(let role): creators.insert(role)
            case .own(let object): owned.insert(Self.name(object))
            case .grant(_, let object), .touch(let object): objects.insert(Self.name(object))
            case .concern(let grantee): grantees.insert(grantee.description)
            case .attribute, .become, .join: break
            }
        }
    }

    private static func name(_ object: ObjectID) -> String { "\(object.kind.rawValue) \(object)" }

    private func changes(_ holding: Holding) -> Bool {
        if owned.contains(Self.name(holding.object.owned)) { return true }
        // Taking a table's privilege takes its columns' too.
        return grantees.contains(holding.grantee.description)
            && (objects.contains(Self.name(holding.object)) || objects.contains(Self.name(holding.object.owned)))
    }

    /// The part of a state that may differ because of the changes; the objects stay, since privileges depend on their owners.
    func part(of snapshot: Snapshot) -> Snapshot {
        var part = snapshot
        part.roles = snapshot.roles.filter { roles.contains($0.key) }
        part.memberships = snapshot.memberships.filter { admitted.contains($0.role) }
        part.privileges = snapshot.privileges.filter { entry in
            // The sequences of a table's columns follow its owner.
            changes(entry.key)
                || snapshot.objects[entry.key.object.owned].map { mayChangeOwner(of: entry.key.object, $0) } == true
        }
        part.defaults = snapshot.defaults.filter { creators.contains($0.key.creator) }
        part.changedDefaults = snapshot.changedDefaults.filter { creators.contains($0.creator) }
        part.emptiedDefaults = snapshot.emptiedDefaults.filter { creators.contains($0.creator) }
        part.security = snapshot.security.filter { owned.contains(Self.name(.table($0.key))) }
        part.policies = snapshot.policies.filter { owned.contains(Self.name(.table($0.table))) }
        return part
    }

    /// The owners among the objects that may have changed.
    func mayChangeOwner(of object: ObjectID, _ state: ObjectState) -> Bool {
        owned.contains(Self.name(object)) || state.table.map { owned.contains(Self.name(.table($0))) } == true
    }
}
