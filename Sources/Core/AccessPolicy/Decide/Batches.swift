/// Objects that one statement can serve.
struct Batches {
    struct Key: Hashable {
        let kind: ObjectKind
        /// Columns of different tables never share a statement.
        let table: ObjectName?
        let privileges: PrivilegeSet
        let isAboutOption: Bool
        let grantor: String?
        let grantee: Grantee
    }

    struct Batch {
        let key: Key
        let objects: [ObjectID]
    }

    private var groups: [Key: Set<ObjectID>] = [:]

    mutating func add(_ holding: Holding, _ privileges: PrivilegeSet, isAboutOption: Bool, by grantor: String?) {
        let table: ObjectName? = if case .column(let table, _) = holding.object { table } else { nil }
        let key = Key(
            kind: holding.object.kind, table: table, privileges: privileges, isAboutOption: isAboutOption,
            grantor: grantor, grantee: holding.grantee)
        groups[key, default: []].insert(holding.object)
    }

    func sorted(delegatedFirst: Bool) -> [Batch] {
        groups.map { Batch(key: $0.key, objects: $0.value.sorted()) }.sorted { left, right in
            let (one, other) = (left.key, right.key)
            if (one.grantor != nil) != (other.grantor != nil) { return (one.grantor != nil) == delegatedFirst }
            return (left.objects[0], one.grantee, one.privileges.rawValue, one.grantor ?? "", one.isAboutOption ? 1 : 0)
                < (
                    right.objects[0], other.grantee, other.privileges.rawValue, other.grantor ?? "",
                    other.isAboutOption ? 1 : 0
                )
        }
    }
}
