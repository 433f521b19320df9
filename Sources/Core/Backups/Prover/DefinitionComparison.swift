import Platform

extension ArchiveTOC {
    /// What a second dump describes otherwise than this one; empty when both describe the same objects.
    ///
    /// Objects are matched by kind, schema and name. Two spellings that PostgreSQL itself gives one object, before and after a
    /// restore, count as equal: an expression's parentheses and casts, which it prints anew; the order of grants; the order of
    /// columns in a table with parents. Tablespaces are left out, since a scratch cluster has none.
    package func differences(toRedump other: ArchiveTOC) -> [String] {
        let ours = Dictionary(grouping: entries.filter(\.isDescribed), by: ObjectName.init)
        let theirs = Dictionary(grouping: other.entries.filter(\.isDescribed), by: ObjectName.init)
        return Set(ours.keys).union(theirs.keys).sorted().compactMap { name in
            switch (ours[name] ?? [], theirs[name] ?? []) {
            case (_, []): "\(name) is missing"
            case ([], _): "\(name) is new"
            case (let mine, let other):
                isSame(mine, other)
                    ? nil : name.kind == "SEQUENCE SET" ? "\(name) is another" : "\(name) is defined otherwise"
            }
        }
    }

    private func isSame(_ mine: [Entry], _ other: [Entry]) -> Bool {
        guard mine.count == other.count else { return false }
        let exact = mine.map(Shape.init(exact:)).sorted() == other.map(Shape.init(exact:)).sorted()
        return exact || mine.map(Shape.init(loose:)).sorted() == other.map(Shape.init(loose:)).sorted()
    }
}

private struct ObjectName: Hashable, Comparable, CustomStringConvertible {
    let kind: String
    let namespace: String
    let tag: String

    init(_ entry: ArchiveTOC.Entry) {
        (kind, namespace, tag) = (entry.kind, entry.namespace ?? "", entry.tag)
    }

    var description: String {
        "\(kind == "SEQUENCE SET" ? "the value of sequence" : kind.lowercased()) \(namespace.isEmpty ? "" : "\(namespace).")\(tag)"
    }

    static func < (left: Self, right: Self) -> Bool {
        (left.kind, left.namespace, left.tag) < (right.kind, right.namespace, right.tag)
    }
}

/// What must be equal of an object, in one of its spellings.
private struct Shape: Comparable {
    let owner: String
    let accessMethod: String
    let relkind: Int
    let text: String

    init(exact entry: ArchiveTOC.Entry) {
        self.init(entry, text: entry.definition)
    }

    init(loose entry: ArchiveTOC.Entry) {
        self.init(entry, text: entry.looseDefinition)
    }

    private init(_ entry: ArchiveTOC.Entry, text: String) {
        (owner, accessMethod, relkind) = (entry.owner, entry.accessMethod ?? "", entry.relkind)
        self.text = text
    }

    static func < (left: Self, right: Self) -> Bool {
        (left.owner, left.accessMethod, left.relkind, left.text)
            < (right.owner, right.accessMethod, right.relkind, right.text)
    }
}

extension ArchiveTOC.Entry {
    /// Data is compared by the content index.
    fileprivate var isDescribed: Bool {
        !["TABLE DATA", "BLOBS"].contains(kind)
    }

    fileprivate var looseDefinition: String {
        switch kind {
        case "ACL", "DEFAULT ACL":
            // Grants made by a grantor stand between two SET SESSION AUTHORIZATION: there the order carries meaning.
            definition.contains("SET SESSION AUTHORIZATION")
                ? definition : definition.split(separator: "\n").sorted().joined(separator: "\n")
        case "DATABASE": SQLTokens(definition).withoutTablespace
        case "TABLE" where definition.contains("INHERITS ("):
            definition.split(separator: "\n").map { $0.hasSuffix(",") ? $0.dropLast() : $0 }.sorted()
                .joined(separator: "\n")
        default: LooseExpression.spell(definition)
        }
    }
}

/// SQL without parentheses and casts.
///
/// PostgreSQL prints an expression that it parsed anew with other casts than the first time: `ANY ((ARRAY['a'::varchar])::text[])`
/// comes back as `ANY (ARRAY[('a'::varchar)::text])`, and only a third parse leaves it as it is.
enum LooseExpression {
    static func spell(_ text: String) -> String {
        let tokens = SQLTokens(text).tokens.filter { $0.kind != .space }
        var words: [String] = []
        var position = 0
        while position < tokens.count {
            let token = tokens[position]
            if token.isSymbol(":"), position + 1 < tokens.count, tokens[position + 1].isSymbol(":") {
                position = endOfType(tokens, from: position + 2)
            } else {
                if !token.isSymbol("("), !token.isSymbol(")") { words.append(token.text) }
                position += 1
            }
        }
        return words.joined(separator: " ")
    }

    /// The place after a type's name: `schema.type`, `character varying(20)[]`, `timestamp(3) without time zone`.
    private static func endOfType(_ tokens: [SQLTokens.Token], from start: Int) -> Int {
        var position = start + 1
        while position < tokens.count {
            let token = tokens[position]
            if token.isSymbol(".") {
                position += 2
            } else if ["varying", "precision", "without", "with", "time", "zone"].contains(where: token.isWord) {
                position += 1
            } else if token.isSymbol("("), let end = endOfModifier(tokens, from: position) {
                position = end
            } else if token.isSymbol("["), position + 1 < tokens.count, tokens[position + 1].isSymbol("]") {
                position += 2
            } else {
                return position
            }
        }
        return position
    }

    /// After `(10)` or `(10,2)`.
    private static func endOfModifier(_ tokens: [SQLTokens.Token], from start: Int) -> Int? {
        for position in tokens.indices[(start + 1)...] {
            let token = tokens[position]
            if token.isSymbol(")") { return position > start + 1 ? position + 1 : nil }
            guard token.isSymbol(",") || token.isSymbol("-") || token.isNumber else { return nil }
        }
        return nil
    }
}

extension SQLTokens.Token {
    func isSymbol(_ symbol: String) -> Bool { kind == .symbol && text == symbol }

    fileprivate var isNumber: Bool { kind == .word && text.utf8.allSatisfy { (0x30...0x39).contains($0) } }
}
