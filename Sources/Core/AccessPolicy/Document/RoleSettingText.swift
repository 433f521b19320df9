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

    /// Reads what `pg_db_role_setting` keeps, so that setting it again gives the same text.
    init(name: String, stored: String) {
        self.init(name: name, values: Self.lists.contains(name.lowercased()) ? Self.names(in: stored) : [stored])
    }

    /// The names in a list such as `app, "Odd, Name"`.
    private static func names(in text: String) -> [String] {
        var names = [""]
        var isQuoted = false
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\"" where isQuoted && rest.first == "\"":
                rest.removeFirst()
                names[names.count - 1].unicodeScalars.append(scalar)
            case "\"": isQuoted.toggle()
            case "," where !isQuoted: names.append("")
            case " " where !isQuoted: continue
            default: names[names.count - 1].unicodeScalars.append(scalar)
            }
        }
        return names
    }
}
