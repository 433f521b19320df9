extension Snapshot {
    /// The objects that a declaration means, sorted; the members of extensions only where they are named.
    func objects(of target: GrantDeclaration.Target) -> [ObjectID] {
        (named(by: target) + inWholeSchemas(of: target)).uniqued.sorted()
    }

    /// Those that the declaration names one by one.
    func named(by target: GrantDeclaration.Target) -> [ObjectID] {
        switch target {
        case .database: [.database(server.database)]
        case .schemas(let names): names.map { .schema($0) }
        case .tables(let list): list.compactMap(\.one).map { .table($0) }
        case .sequences(let list): list.compactMap(\.one).map { .sequence($0) }
        case .functions(let list): list.compactMap(\.one).compactMap { signatures[$0] }
        case .types(let list): list.compactMap(\.one).map { .type($0) }
        case .columns(let lists): lists.flatMap { list in list.columns.map { .column(list.table, $0) } }
        case .named(let kind, let names): names.compactMap { ObjectID(kind, named: $0) }
        case .largeObjects(let numbers): numbers.map { .largeObject($0) }
        }
    }

    /// Those of `schema.*`.
    func inWholeSchemas(of target: GrantDeclaration.Target) -> [ObjectID] {
        let schemas: [String] =
            switch target {
            case .tables(let list), .sequences(let list), .types(let list): list.compactMap(\.schemaOfAll)
            case .functions(let list): list.compactMap(\.schemaOfAll)
            case .database, .schemas, .columns, .named, .largeObjects: []
            }
        guard !schemas.isEmpty else { return [] }
        let whole = Set(schemas)
        let kind = target.kind
        return objects.compactMap { object, state in
            object.kind == kind && !state.isExtensionMember && whole.contains(object.schema ?? "") ? object : nil
        }
    }
}

extension Selector {
    fileprivate var one: Name? {
        if case .one(let name) = self { name } else { nil }
    }
}

extension Array where Element: Hashable {
    fileprivate var uniqued: [Element] { count < 2 ? self : Array(Set(self)) }
}
