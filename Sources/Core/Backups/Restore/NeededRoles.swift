extension ArchiveTOC {
    /// The roles that this dump cannot be restored without: owners, and those that grants, policies and settings name.
    ///
    /// - Parameter known: the source's roles; a word that is none of them, as PUBLIC or CURRENT_USER, is no role.
    func neededRoles(of known: Set<String>, owners: Bool = true, privileges: Bool = true) -> Set<String> {
        entries.reduce(into: []) { roles, entry in
            if owners, !entry.owner.isEmpty { roles.insert(entry.owner) }
            guard RolePlaces.are(in: entry.kind), privileges || !entry.kind.contains("ACL") else { return }
            let tokens = SQLTokens(entry.definition).tokens
            for place in RolePlaces.find(in: tokens, of: entry.kind) {
                if let name = tokens[place].name, known.contains(name) { roles.insert(name) }
            }
        }
    }

    /// The tablespaces that it names, besides the default one.
    var neededTablespaces: Set<String> {
        Set(entries.compactMap(\.tablespace)).subtracting(["", "pg_default"])
    }
}
