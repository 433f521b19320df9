/// What grants declare for one holding.
struct Wanted {
    var privileges: PrivilegeSet = []
    var grantable: PrivilegeSet = []

    mutating func add(_ more: PrivilegeSet, withOption: Bool) {
        privileges.formUnion(more)
        if withOption { grantable.formUnion(more) }
    }
}

/// Holdings that one statement can serve.
struct Group: Hashable {
    var kind: ObjectKind
    /// Columns of different tables never share a statement.
    var table: ObjectName?
    var privileges: PrivilegeSet
    /// A grant with its option, or the revoke of the option alone.
    var isAboutOption: Bool
    /// The role to act as; nil for the owner.
    var grantor: String?
    /// How many grants by others than the owner this one rests on.
    var depth = 0
    /// The declaration that asks for it.
    var source: Int?
}

struct Grouping {
    private var groups: [Group: [Grantee: [ObjectID]]] = [:]

    mutating func add(_ holding: Holding, to group: Group) {
        groups[group, default: [:]][holding.grantee, default: []].append(holding.object)
    }

    /// Grantees with the same objects joined, in an order that depends on nothing but the content.
    var batches: [(group: Group, objects: [ObjectID], grantees: [Grantee])] {
        var batches: [(group: Group, objects: [ObjectID], grantees: [Grantee])] = []
        for (group, holders) in groups {
            var joined: [[ObjectID]: [Grantee]] = [:]
            for (grantee, objects) in holders { joined[objects.sorted(), default: []].append(grantee) }
            for (objects, grantees) in joined {
                for chunk in objects.chunks(of: GrantStatements.objectsPerStatement) {
                    batches.append((group, chunk, grantees.sorted()))
                }
            }
        }
        return batches.sorted { left, right in
            let (one, other) = (left.group, right.group)
            return (one.source ?? -1, left.objects[0], left.grantees[0], one.privileges.rawValue)
                < (other.source ?? -1, right.objects[0], right.grantees[0], other.privileges.rawValue)
        }
    }
}

extension ObjectID {
    var columnTable: ObjectName? {
        if case .column(let table, _) = self { table } else { nil }
    }
}

extension Array {
    fileprivate func chunks(of size: Int) -> [[Element]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}
