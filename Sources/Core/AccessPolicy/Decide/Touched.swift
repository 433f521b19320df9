/// What some changes may alter: what else differs between two looks at the catalog is somebody else's doing.
struct Touched: Codable, Sendable {
    /// As `kind name`.
    private(set) var objects: Set<String> = []
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
            case .own(let object), .grant(_, let object), .touch(let object): objects.insert(Self.name(object))
            case .attribute, .become, .join: break
            }
        }
    }

    private static func name(_ object: ObjectID) -> String { "\(object.kind.rawValue) \(object)" }

    private func has(_ object: ObjectID) -> Bool {
        objects.contains(Self.name(object)) || objects.contains(Self.name(object.owned))
    }

    /// The part of a state that may differ because of the changes; the objects stay, since privileges depend on their owners.
    func part(of snapshot: Snapshot) -> Snapshot {
        var part = snapshot
        part.roles = snapshot.roles.filter { roles.contains($0.key) }
        part.memberships = snapshot.memberships.filter { admitted.contains($0.role) }
        // Taking a table's privilege takes its columns' too, and a new owner takes all of them along.
        part.privileges = snapshot.privileges.filter { has($0.key.object) }
        part.defaults = snapshot.defaults.filter { creators.contains($0.key.creator) }
        part.changedDefaults = snapshot.changedDefaults.filter { creators.contains($0.creator) }
        part.emptiedDefaults = snapshot.emptiedDefaults.filter { creators.contains($0.creator) }
        part.security = snapshot.security.filter { has(.table($0.key)) }
        part.policies = snapshot.policies.filter { has(.table($0.table)) }
        return part
    }

    /// The owners among the objects that may have changed.
    func mayChangeOwner(of object: ObjectID, _ state: ObjectState) -> Bool {
        has(object) || state.table.map { has(.table($0)) } == true
    }
}
