/// A schema and a name in it, exactly as the catalog spells them: nothing is folded to lower case.
package struct ObjectName: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let schema: String
    package let name: String

    package init(_ schema: String, _ name: String) {
        self.schema = schema
        self.name = name
    }

    package static func < (left: ObjectName, right: ObjectName) -> Bool {
        (left.schema, left.name) < (right.schema, right.name)
    }

    /// As a policy spells it: `public.users`, and quotes only around a part that needs them.
    package var description: String { spelled(schema) + "." + spelled(name) }
}

/// As a policy spells it.
extension ObjectName: Codable {
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        do throws(NameParser.Problem) {
            self = try NameParser.object(text)
        } catch {
            throw decoder.rejection(error.sentence)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// What one word under `tables`, `sequences`, `functions` or `types` selects.
package enum Selector<Name: Hashable & Sendable>: Hashable, Sendable {
    case one(Name)
    /// `schema.*`: every object of that kind in the schema but the members of extensions.
    case all(schema: String)

    package var schemaOfAll: String? {
        if case .all(let schema) = self { schema } else { nil }
    }
}

extension Selector: CustomStringConvertible where Name: CustomStringConvertible {
    package var description: String {
        switch self {
        case .one(let name): name.description
        case .all(let schema): "\(spelled(schema)).*"
        }
    }
}

/// A function or procedure as the document names it; the server says which one those argument types mean.
package struct RoutineSignature: Hashable, Sendable, CustomStringConvertible {
    package let name: ObjectName
    /// The argument types as written: `integer, text`.
    package let arguments: String

    package var description: String { "\(name)(\(arguments))" }
}

/// A name as it stands in a document: quoted when it could be read as more than one part.
package func spelled(_ name: String) -> String {
    // On bytes, since names are spelled by the ten thousand; no byte of a longer character equals one of these.
    let isPlain = !name.utf8.contains { byte in
        switch byte {
        case UInt8(ascii: "."), UInt8(ascii: "\""), UInt8(ascii: "*"), UInt8(ascii: "("), UInt8(ascii: ")"),
            UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"):
            true
        default: false
        }
    }
    return isPlain && !name.isEmpty ? name : inQuotes(name)
}

/// A name in double quotes, those in it doubled.
func inQuotes(_ name: String) -> String {
    "\"" + name.unicodeScalars.map { $0 == "\"" ? "\"\"" : String($0) }.joined() + "\""
}

/// Reads the names in a document: `public.users`, `public.*`, `"odd.schema"."a ""quoted"" table"`.
package enum NameParser {
    private struct Part {
        var text = ""
        var isQuoted = false
    }

    /// Why a name could not be read, as the second half of a sentence.
    package struct Problem: Error {
        package let sentence: String
    }

    /// A table, view or sequence, or all of a schema.
    package static func selector(_ text: String) throws(Problem) -> Selector<ObjectName> {
        let parts = try parts(of: text)
        guard parts.count == 2 else { throw shape(text, parts.count) }
        if parts[1].text == "*", !parts[1].isQuoted { return .all(schema: parts[0].text) }
        return .one(ObjectName(parts[0].text, parts[1].text))
    }

    package static func object(_ text: String) throws(Problem) -> ObjectName {
        switch try selector(text) {
        case .one(let name): return name
        case .all: throw Problem(sentence: "\"\(text)\" names a whole schema where one table is expected")
        }
    }

    /// `public.total(integer, text)`, or all of a schema.
    package static func routine(_ text: String) throws(Problem) -> Selector<RoutineSignature> {
        guard let open = openParenthesis(in: text) else {
            guard case .all(let schema) = try selector(text) else {
                throw Problem(
                    sentence: "\"\(text)\" needs its argument types, as in \(text)(integer, text), or \(text)()")
            }
            return .all(schema: schema)
        }
        guard text.last == ")" else { throw Problem(sentence: "\"\(text)\" does not end with a parenthesis") }
        let name = try object(String(text[..<open]))
        let arguments = text[text.index(after: open)...].dropLast()
        return .one(RoutineSignature(name: name, arguments: String(arguments)))
    }

    /// The parts of a name, without their quotes: `public`, `public.users`, `public.users.email`.
    package static func path(_ text: String) throws(Problem) -> [String] {
        try parts(of: text).map(\.text)
    }

    /// A setting's name, as PostgreSQL keeps the privileges on it: in lower case.
    package static func parameter(_ text: String) throws(Problem) -> String {
        let words = text.split(separator: ".", omittingEmptySubsequences: false)
        let isName = words.allSatisfy { word in
            !word.isEmpty && word.allSatisfy { $0 == "_" || $0.isASCII && ($0.isLetter || $0.isNumber) }
        }
        guard isName else { throw Problem(sentence: "\"\(text)\" is not the name of a parameter") }
        return text.lowercased()
    }

    private static func shape(_ text: String, _ count: Int) -> Problem {
        count < 2
            ? Problem(sentence: "\"\(text)\" does not name its schema, as in public.\(text)")
            : Problem(sentence: "\"\(text)\" has too many parts: a schema and a name are expected")
    }

    private static func openParenthesis(in text: String) -> String.Index? {
        var isQuoted = false
        for index in text.unicodeScalars.indices {
            if text.unicodeScalars[index] == "\"" { isQuoted.toggle() }
            if text.unicodeScalars[index] == "(", !isQuoted { return index }
        }
        return nil
    }

    /// Reads scalars and not characters, so that a combining mark behind a quote or a dot hides neither.
    private static func parts(of text: String) throws(Problem) -> [Part] {
        var parts = [Part()]
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            if scalar == "\"", parts[parts.count - 1].text.isEmpty, !parts[parts.count - 1].isQuoted {
                parts[parts.count - 1] = Part(text: try quotedPart(&rest, of: text), isQuoted: true)
                guard rest.isEmpty || rest.first == "." else {
                    throw Problem(sentence: "\"\(text)\" goes on after a closing quote")
                }
            } else if scalar == "." {
                parts.append(Part())
            } else {
                parts[parts.count - 1].text.unicodeScalars.append(scalar)
            }
        }
        guard parts.allSatisfy({ !$0.text.isEmpty }) else {
            throw Problem(sentence: "\"\(text)\" has an empty part")
        }
        return parts
    }

    private static func quotedPart(
        _ rest: inout Substring.UnicodeScalarView, of text: String
    ) throws(Problem) -> String {
        var part = ""
        while let scalar = rest.popFirst() {
            guard scalar == "\"" else {
                part.unicodeScalars.append(scalar)
                continue
            }
            guard rest.first == "\"" else { return part }
            rest.removeFirst()
            part.append("\"")
        }
        throw Problem(sentence: "\"\(text)\" has a quote that is not closed")
    }
}
