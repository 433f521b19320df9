import Platform

/// How much of a statement goes into the log.
package enum StatementDetail: String, CaseIterable, Sendable {
    /// Its form: every value is a `?`, since values are what databases are about: people, and their secrets.
    case form
    /// All of it but passwords and keys.
    case full
    /// Only what kind of statement it was.
    case none
}

/// Takes out of statements and messages what no log should hold, before anything is hashed.
package enum StatementText {
    private static let limit = 4000

    /// The statement as the log may hold it; nil when nothing of it may.
    package static func redacted(_ statement: String, _ detail: StatementDetail) -> String? {
        guard detail != .none, !statement.isEmpty else { return nil }
        let bytes = statement.utf8Span.span
        return detail == .form && !mayNamePasswords(bytes) ? form(bytes) : byTokens(statement, detail)
    }

    /// The statement without its values, in one pass: for those that name no password.
    private static func form(_ bytes: Span<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(min(limit, bytes.count) + 64)
        var position = 0
        while position < bytes.count, text.count <= limit {
            let start = position
            switch SQLLexer.next(bytes, &position) {
            case .string, .number: text.append(UInt8(ascii: "?"))
            case .comment, .space: if !text.isEmpty, text.last != 0x20 { text.append(0x20) }
            default: text.append(bytes.extracting(start..<position))
            }
        }
        return shortened(&text)
    }

    /// Any statement, with a look at what its words mean.
    static func byTokens(_ statement: String, _ detail: StatementDetail) -> String {
        let tokens = SQLTokens(statement)
        let isForm = detail == .form
        let hidesAll = isForm || carriesSecrets(tokens)
        let hidden = mayNamePasswords(tokens.bytes.span) ? passwords(tokens) : []
        var text: [UInt8] = []
        text.reserveCapacity(min(limit, tokens.bytes.count) + 64)
        for (index, token) in tokens.tokens.enumerated() {
            let isValue =
                switch token.kind {
                case _ where hidden.contains(index): true
                case .string: hidesAll || looksSecret(tokens.content(index))
                case .number: isForm
                default: false
                }
            if isValue {
                text.append(UInt8(ascii: "?"))
            } else if token.kind == .comment || token.kind == .space {
                if !text.isEmpty, text.last != 0x20 { text.append(0x20) }
            } else {
                text += tokens.bytes[token.range]
            }
            if text.count > limit { break }
        }
        return shortened(&text)
    }

    private static func shortened(_ text: inout [UInt8]) -> String {
        while text.last == 0x20 || text.last == UInt8(ascii: ";") { text.removeLast() }
        let isLong = text.count > limit
        return String(decoding: isLong ? text.prefix(limit) : text[...], as: UTF8.self) + (isLong ? "…" : "")
    }

    /// Whether `pass`, `secret` or `_key` stands somewhere, in any case.
    private static func mayNamePasswords(_ bytes: Span<UInt8>) -> Bool {
        var recent: UInt32 = 0
        for index in bytes.indices {
            recent = recent << 8 | UInt32(bytes[index] | 0x20)
            // `pass`, `secr`, `_key`: an underscore with that bit is a DEL.
            if recent == 0x7061_7373 || recent == 0x7365_6372 || recent == 0x7F6B_6579 { return true }
        }
        return false
    }

    /// A message of the server as the log may hold it.
    ///
    /// Names of tables and roles stay; what a user typed as a value, or as no SQL at all, goes.
    static func message(_ text: String, sqlstate: String, _ detail: StatementDetail, statement: String) -> String {
        let quotesValues = ["22", "P0", "XX"].contains(String(sqlstate.prefix(2))) || sqlstate == "42601"
        let hides = quotesValues && (detail != .full || sqlstate == "42601" || carriesSecrets(SQLTokens(statement)))
        let plain = looksSecret(text) ? withoutCredentials(text) : text
        return (hides ? withoutQuoted(plain) : plain).beginning(1000)
    }

    // MARK: What carries secrets

    /// Statements whose every string may be a password or a key.
    private static func carriesSecrets(_ tokens: SQLTokens) -> Bool {
        let places = tokens.meaningful
        let kinds: Set = ["role", "user", "group", "server", "subscription", "foreign", "mapping"]
        for (number, place) in places.enumerated() where number == 0 || tokens.text(places[number - 1]) == ";" {
            guard ["create", "alter", "import"].contains(tokens.word(place)) else { continue }
            if !kinds.isDisjoint(with: places[number...].prefix(5).map { tokens.word($0) }) { return true }
        }
        return places.contains { place in
            let word = tokens.word(place)
            return cryptography.contains(word) || word.hasPrefix("dblink") || word.hasPrefix("pgp_")
        }
    }

    /// Functions of pgcrypto and its kin that take a key or a password.
    private static let cryptography: Set = [
        "crypt", "encrypt", "decrypt", "encrypt_iv", "decrypt_iv", "hmac", "digest", "gen_salt", "begin_login",
        "finish_login", "set_password",
    ]

    /// Places of what follows the word PASSWORD, however it was written: not only strings end up in a server's log.
    private static func passwords(_ tokens: SQLTokens) -> Set<Int> {
        let places = tokens.meaningful
        let asks = ["select", "insert", "update", "delete", "with", "table", "copy", "grant", "revoke"]
        let isQuestion = asks.contains(places.first.map { tokens.word($0) } ?? "")
        var hidden: Set<Int> = []
        for (number, place) in places.enumerated() {
            let word = tokens.word(place)
            let isPassword = word == "password" || word == "passwd" || word == "passphrase"
            guard isPassword || word.hasSuffix("_password") || word.hasSuffix("secret") || word.hasSuffix("_key") else {
                continue
            }
            var next = number + 1
            let signs = ["=", ":", ">", "to", "TO"]
            while next < places.count, signs.contains(tokens.text(places[next])) { next += 1 }
            guard next < places.count else { continue }
            switch tokens.tokens[places[next]].kind {
            case .string: hidden.insert(places[next])
            case .word, .quotedName, .number:
                // A question may name a column of that name; anything else is a password in the wrong clothes.
                let isClause = ["null", "from", "valid", "until"].contains(tokens.word(places[next]))
                if !isQuestion, isPassword, !isClause { hidden.insert(places[next]) }
            default: break
            }
        }
        return hidden
    }

    private static let secretWords = [
        "password", "passwd", "secret", "apikey", "api_key", "access_key", "begin pgp", "private key",
    ]

    /// Connection strings and the like: `password=x`, `postgres://ann:x@host`.
    private static func looksSecret(_ text: String) -> Bool {
        let low = text.lowercased()
        if secretWords.contains(where: { low.contains($0) }) { return true }
        guard let scheme = low.firstRange(of: "://") else { return false }
        return low[scheme.upperBound...].prefix { $0 != "/" }.contains("@")
    }

    private static func withoutCredentials(_ text: String) -> String {
        var words: [Substring] = []
        var hidesNext = false
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            let low = word.lowercased()
            if low.contains("://"), let at = word.firstIndex(of: "@") {
                words.append("?" + word[at...])
            } else if let sign = word.firstIndex(of: "="), secretWords.contains(where: { low.contains($0) }) {
                words.append(word[...sign] + "?")
                hidesNext = sign == word.indices.last
            } else {
                words.append(hidesNext && !word.isEmpty ? "?" : word)
                hidesNext = hidesNext && word.isEmpty
            }
        }
        return words.joined(separator: " ")
    }

    /// The message without what stands in quotes, closed or not.
    private static func withoutQuoted(_ text: String) -> String {
        var result = ""
        var quote: Character?
        for character in text {
            if let open = quote {
                if character == open {
                    result += "…\(open)"
                    quote = nil
                }
            } else {
                result.append(character)
                if character == "\"" || character == "'" { quote = character }
            }
        }
        return quote == nil ? result : result + "…"
    }
}
