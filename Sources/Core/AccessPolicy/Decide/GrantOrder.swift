/// In which order privileges can be granted that rest on one another.
///
/// A role grants only what it holds with the option, and PostgreSQL refuses an option that is "granted back to your own
/// grantor": the grantor's own option must not hang on the role that it is granted to. Two roles may well have granted
/// each other the same, when each has it from a third; which grant must come first is found by trying.
struct GrantOrder {
    private struct Key: Hashable {
        let holding: Holding
        let grantor: String
    }

    private struct Item {
        let holding: Holding
        let row: HeldPrivileges
    }

    private var rounds: [Key: Int] = [:]

    /// - Parameter families: Tables, each with its columns, and other objects on which somebody but the owner has granted.
    init(_ snapshot: Snapshot, of families: Set<ObjectID>) {
        guard !families.isEmpty else { return }
        var items: [ObjectID: [Item]] = [:]
        for (holding, rows) in snapshot.privileges where families.contains(holding.object.owned) {
            items[holding.object.owned, default: []] += rows.map { Item(holding: holding, row: $0) }
        }
        for (family, items) in items {
            guard let owner = snapshot.objects[family]?.owner else { continue }
            order(items, owner)
        }
    }

    /// 0 for what the owner grants, 1 for what rests on that alone, and so on.
    func round(of holding: Holding, by grantor: String) -> Int {
        rounds[Key(holding: holding, grantor: grantor)] ?? 0
    }

    private mutating func order(_ items: [Item], _ owner: String) {
        var granted = items.filter { $0.row.grantor == owner }
        var rest = items.filter { $0.row.grantor != owner }
        var round = 1
        while !rest.isEmpty {
            let possible = rest.indices.filter { Self.may(rest[$0], granted, owner) }
            // What cannot be granted at all is left for the server to say.
            let next = possible.isEmpty ? Array(rest.indices) : possible
            for index in next {
                rounds[Key(holding: rest[index].holding, grantor: rest[index].row.grantor)] = round
                granted.append(rest[index])
            }
            rest = rest.indices.filter { !next.contains($0) }.map { rest[$0] }
            round += 1
        }
    }

    private static func may(_ item: Item, _ granted: [Item], _ owner: String) -> Bool {
        let object = item.holding.object
        let held = options(granted, owner)
        let own = held[Holding(object, .role(item.row.grantor))] ?? []
        let ofTable = held[Holding(object.owned, .role(item.row.grantor))] ?? []
        guard own.union(ofTable).isSuperset(of: item.row.privileges) else { return false }
        guard !item.row.grantable.isEmpty else { return true }
        let without = options(granted.filter { $0.holding != item.holding }, owner)
        return (without[Holding(object, .role(item.row.grantor))] ?? []).isSuperset(of: item.row.grantable)
    }

    /// What each role may pass on, as far as it goes back to the owner.
    private static func options(_ granted: [Item], _ owner: String) -> [Holding: PrivilegeSet] {
        var options: [Holding: PrivilegeSet] = [:]
        var isGrowing = true
        while isGrowing {
            isGrowing = false
            for item in granted where !item.row.grantable.isEmpty {
                var passed = item.row.grantable
                if item.row.grantor != owner {
                    let objects = Set([item.holding.object, item.holding.object.owned])
                    passed.formIntersection(
                        objects.reduce(into: []) { all, object in
                            all.formUnion(options[Holding(object, .role(item.row.grantor))] ?? [])
                        })
                }
                if options[item.holding, default: []].isSuperset(of: passed) { continue }
                options[item.holding, default: []].formUnion(passed)
                isGrowing = true
            }
        }
        return options
    }
}
