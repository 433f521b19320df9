/// What some changes may alter: what else differs between two looks at the catalog is somebody else's doing.
struct Touched: Sendable {
    private(set) var objects: Set<ObjectID> = []
    /// Of these the owner may change, and with it who has granted what to whom.
    private(set) var owned: Set<ObjectID> = []
    /// Whose privileges on the objects may change.
    private(set) var grantees: Set<Grantee> = []
    private(set) var roles: Set<String> = []
    /// Roles whose members may change.
    private(set) var admitted: Set<String> = []
    /// Roles whose default privileges may change.
    private(set) var creators: Set<String> = []

    init(_ changes: [Change]) {
        for need in changes.lazy.flatMap(\.requires) {
            switch need {
            case .create(let role):
                roles.insert(role)
                // PostgreSQL may make its maker a member of it.
                admitted.insert(role)
            case .alter(let role): roles.insert(role)
            case .admit(let role): admitted.insert(role)
            case .inherit(let role): creators.insert(role)
            case .own(let object): owned.insert(object)
            case .grant(_, let object), .touch(let object): objects.insert(object)
            case .concern(let grantee): grantees.insert(grantee)
            case .attribute, .become, .join: break
            }
        }
    }

    private func changes(_ holding: Holding) -> Bool {
        if !owned.isEmpty, owned.contains(holding.object.owned) { return true }
        guard grantees.contains(holding.grantee) else { return false }
        // Taking a table's privilege takes its columns' too.
        return objects.contains(holding.object) || objects.contains(holding.object.owned)
    }

    /// The part of a state that may differ because of the changes; the objects stay, since privileges depend on their owners.
    func part(of snapshot: Snapshot) -> Snapshot {
        var part = snapshot
        part.roles = snapshot.roles.filter { roles.contains($0.key) }
        part.memberships = snapshot.memberships.filter { admitted.contains($0.role) }
        part.privileges = snapshot.privileges.filter { entry in
            // The sequences of a table's columns follow its owner.
            if changes(entry.key) { return true }
            guard !owned.isEmpty, let state = snapshot.objects[entry.key.object.owned] else { return false }
            return mayChangeOwner(of: entry.key.object, state)
        }
        part.defaults = snapshot.defaults.filter { creators.contains($0.key.creator) }
        part.changedDefaults = snapshot.changedDefaults.filter { creators.contains($0.creator) }
        part.emptiedDefaults = snapshot.emptiedDefaults.filter { creators.contains($0.creator) }
        part.security = snapshot.security.filter { owned.contains(.table($0.key)) }
        part.policies = snapshot.policies.filter { owned.contains(.table($0.table)) }
        return part
    }

    /// The owners among the objects that may have changed.
    func mayChangeOwner(of object: ObjectID, _ state: ObjectState) -> Bool {
        if owned.isEmpty { return false }
        return owned.contains(object) || state.table.map { owned.contains(.table($0)) } == true
    }
}

/// As it stands in an undo script, where names are many: whatever it holds as one list of texts each.
extension Touched {
    /// One line for each thing: what it is, and its name in parts.
    var lines: [[String]] {
        var lines = objects.sorted().map { ["object"] + $0.parts } + owned.sorted().map { ["owner"] + $0.parts }
        lines += grantees.sorted().map { $0.roleName.map { ["grantee", $0] } ?? ["everyone"] }
        for (word, names) in [("role", roles), ("admitted", admitted), ("creator", creators)] {
            lines += names.sorted().map { [word, $0] }
        }
        return lines
    }

    /// - Returns: nil for a line that nothing here has written.
    init?(lines: [[String]]) {
        for line in lines {
            let rest = Array(line.dropFirst())
            switch (line.first, rest.first) {
            case ("object", _):
                guard let object = ObjectID(parts: rest) else { return nil }
                objects.insert(object)
            case ("owner", _):
                guard let object = ObjectID(parts: rest) else { return nil }
                owned.insert(object)
            case ("everyone", nil): grantees.insert(.everyone)
            case ("grantee", let name?): grantees.insert(.role(name))
            case ("role", let name?): roles.insert(name)
            case ("admitted", let name?): admitted.insert(name)
            case ("creator", let name?): creators.insert(name)
            default: return nil
            }
        }
    }
}

extension ObjectID {
    /// Its kind and the parts of its name, from which it can be made again.
    fileprivate var parts: [String] {
        let kind = kind.rawValue
        return switch self {
        case .database(let name), .schema(let name), .language(let name), .foreignDataWrapper(let name),
            .foreignServer(let name), .tablespace(let name), .parameter(let name):
            [kind, name]
        case .largeObject(let number): [kind, String(number)]
        case .table(let name), .sequence(let name), .type(let name): [kind, name.schema, name.name]
        case .column(let name, let part), .function(let name, let part): [kind, name.schema, name.name, part]
        }
    }

    fileprivate init?(parts: [String]) {
        guard parts.count > 1, let kind = ObjectKind(rawValue: parts[0]) else { return nil }
        let name = parts.count > 2 ? ObjectName(parts[1], parts[2]) : nil
        switch (kind, name, parts.count) {
        case (.table, let name?, 3): self = .table(name)
        case (.sequence, let name?, 3): self = .sequence(name)
        case (.type, let name?, 3): self = .type(name)
        case (.column, let name?, 4): self = .column(name, parts[3])
        case (.function, let name?, 4): self = .function(name, parts[3])
        case (.largeObject, nil, 2):
            guard let number = UInt32(parts[1]) else { return nil }
            self = .largeObject(number)
        case (_, nil, 2): self.init(kind, named: parts[1])
        default: return nil
        }
    }
}
