extension RoleSetting {
    /// The settings whose values are lists of names (GUC_LIST_QUOTE in PostgreSQL's sources).
    static let lists: Set<String> = [
        "search_path", "session_preload_libraries", "local_preload_libraries", "shared_preload_libraries",
        "temp_tablespaces", "unix_socket_directories",
    ]

    /// As `pg_db_role_setting` keeps it.
    var stored: String {
        guard Self.lists.contains(name.lowercased()) else { return values.joined(separator: ", ") }
        return values.map(Self.quotedWhereNeeded).joined(separator: ", ")
    }

    private static func quotedWhereNeeded(_ name: String) -> String {
        let letters = Set("abcdefghijklmnopqrstuvwxyz_".unicodeScalars)
        let isPlain =
            name.unicodeScalars.first.map(letters.contains) == true
            && name.unicodeScalars.allSatisfy { letters.contains($0) || ("0"..."9").contains($0) }
        return isPlain ? name : inQuotes(name)
    }
}
