import Platform

/// What a statement does to the server's own account of what happens: settings of logging, and who one acts as.
enum StatementWatch: Equatable {
    /// A setting of logging or auditing is changed: its name, or `all`.
    case setting(String)
    /// The session goes on as another role.
    case becomes(String)

    static func findings(in statement: String) -> [StatementWatch] {
        // Nearly every statement has none of these words.
        hasSet(statement) && mayBeWatched(statement) ? byTokens(statement) : []
    }

    /// Any statement, with a look at what its words mean.
    static func byTokens(_ statement: String) -> [StatementWatch] {
        let tokens = SQLTokens(statement)
        let places = tokens.meaningful
        var found: [StatementWatch] = []
        for number in places.indices {
            let word = tokens.word(places[number])
            if word == "set" || word == "reset" {
                found += setting(tokens, Array(places[(number + 1)...]), word, places.prefix(number))
            }
            if word == "set_config", let name = tokens.firstString(after: number, places), isWatched(name) {
                found.append(.setting(name.lowercased()))
            }
            if word == "pg_settings", tokens.word(places[0]) == "update" {
                found += places.filter { tokens.tokens[$0].kind == .string && isWatched(tokens.content($0)) }
                    .map { .setting(tokens.content($0).lowercased()) }
            }
        }
        return found.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    /// `set`, in any case: RESET, set_config and `UPDATE pg_settings SET` have it too.
    private static func hasSet(_ statement: String) -> Bool {
        var recent: UInt32 = 0
        for byte in statement.utf8 {
            recent = (recent << 8 | UInt32(byte | 0x20)) & 0xFF_FFFF
            if recent == 0x73_6574 { return true }
        }
        return false
    }

    /// Whether one of the words stands somewhere that a finding needs, in any case: of UPDATE statements few have them.
    ///
    /// `role`, `authorization`, `all`; `log` for the settings of logging; `pgaudit`, `auto_explain`, `..._preload_libraries`,
    /// `event_triggers`.
    private static func mayBeWatched(_ statement: String) -> Bool {
        var recent: UInt32 = 0
        for byte in statement.utf8 {
            recent = recent << 8 | UInt32(byte | 0x20)
            switch recent {
            // `role`, `auth`, `auto`, `gaud`, `load`, `even`.
            case 0x726F_6C65, 0x6175_7468, 0x6175_746F, 0x6761_7564, 0x6C6F_6164, 0x6576_656E: return true
            default: break
            }
            let three = recent & 0xFF_FFFF
            // `all`, `log`.
            if three == 0x61_6C6C || three == 0x6C_6F67 { return true }
        }
        return false
    }

    private static func setting(
        _ tokens: SQLTokens, _ rest: [Int], _ word: String, _ before: ArraySlice<Int>
    ) -> [StatementWatch] {
        var rest = rest[...]
        if let first = rest.first, ["session", "local"].contains(tokens.word(first)), rest.count > 1 {
            let isAuthorization = tokens.word(rest[rest.startIndex + 1]) == "authorization"
            rest = rest.dropFirst()
            if isAuthorization, word == "set", let role = rest.dropFirst().first {
                return [.becomes(tokens.content(role))]
            }
        }
        guard let first = rest.first else { return [] }
        let isAltering = before.first.map { tokens.word($0) } == "alter"
        if tokens.word(first) == "role", word == "set", !isAltering {
            return rest.dropFirst().first.map { [.becomes(tokens.content($0))] } ?? []
        }
        if word == "reset", tokens.word(first) == "all" { return [.setting("all")] }
        var name = tokens.content(first).lowercased()
        let second = rest.dropFirst()
        if second.count >= 2, let dot = second.first, tokens.text(dot) == ".", let part = second.dropFirst().first {
            name += "." + tokens.content(part).lowercased()
        }
        return isWatched(name) ? [.setting(name)] : []
    }

    /// Whether a setting decides what stands in the server's log.
    static func isWatched(_ setting: String) -> Bool {
        let name = setting.lowercased()
        let prefixes = ["log_", "pgaudit.", "syslog_", "auto_explain."]
        let names: Set = [
            "logging_collector", "session_preload_libraries", "shared_preload_libraries", "local_preload_libraries",
            "session_replication_role", "event_triggers",
        ]
        return prefixes.contains { name.hasPrefix($0) } || names.contains(name)
    }
}

extension SQLTokens {
    fileprivate func firstString(after number: Int, _ places: [Int]) -> String? {
        places[number...].dropFirst().prefix(3).first { tokens[$0].kind == .string }.map { content($0) }
    }
}
