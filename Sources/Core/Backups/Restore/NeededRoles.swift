extension ArchiveTOC {
    /// The roles that this dump cannot be restored without: owners, and those that grants, policies and settings name.
    ///
    /// - Parameter known: the source's roles; a word in a statement that is none of them is no role.
    func neededRoles(of known: Set<String>) -> Set<String> {
        let naming: Set = ["ACL", "DEFAULT ACL", "POLICY", "DATABASE PROPERTIES", "USER MAPPING"]
        return entries.reduce(into: []) { roles, entry in
            if !entry.owner.isEmpty { roles.insert(entry.owner) }
            guard naming.contains(entry.kind) else { return }
            for token in SQLTokens(entry.definition).tokens {
                if let name = token.name, known.contains(name) { roles.insert(name) }
            }
        }
    }

    /// The tablespaces that it names, besides the default one.
    var neededTablespaces: Set<String> {
        Set(entries.compactMap(\.tablespace)).subtracting(["", "pg_default"])
    }
}
