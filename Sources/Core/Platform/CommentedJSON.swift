import FoundationEssentials

/// A JSON document that a person wrote: comments and trailing commas are allowed, and every error names a line.
///
/// One strict pass over the text finds the first syntax error, refuses a key that is there twice, remembers the line of
/// every value, and blanks out comments and trailing commas; a plain `JSONDecoder` reads what is left. (Its own
/// `allowsJSON5` stops the process on some invalid bytes and knows no positions.)
package struct CommentedJSON: Sendable {
    /// What messages call the document: its file name as the user gave it.
    package let name: String
    private let plain: [UInt8]
    private let lines: [String: Int]

    /// - Throws: `DocumentFailure` (65) for text that is not such a document.
    package init(_ bytes: [UInt8], named name: String) throws {
        self.name = name
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw DocumentFailure(document: name, line: nil, path: "", problem: "the text is not UTF-8")
        }
        var scanner = JSONScanner(bytes)
        do {
            try scanner.scanDocument()
        } catch {
            throw DocumentFailure(
                document: name, line: error.line, path: "", problem: "column \(error.column): \(error.problem)")
        }
        plain = scanner.text
        lines = scanner.lines
    }

    /// Decodes strictly: see `Decoder.strict(_:)` for unknown keys.
    ///
    /// - Throws: `DocumentFailure` (65) naming the line and the path in the document.
    package func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(plain))
        } catch let rejected as Rejected {
            throw failure(at: spell(rejected.path), rejected.problem)
        } catch let error as DecodingError {
            let (path, problem) = describe(error)
            throw failure(at: spell(path), problem)
        }
    }

    /// A failure of the value at a path such as `grants[2].privileges[0]`, for checks that come after decoding.
    package func failure(at path: String, _ problem: String, hint: String? = nil) -> DocumentFailure {
        DocumentFailure(document: name, line: line(of: path), path: path, problem: problem, hint: hint)
    }

    /// The line on which the value at the path begins, or its nearest ancestor that is there.
    package func line(of path: String) -> Int? {
        var path = path[...]
        while true {
            if let line = lines[String(path)] { return line }
            guard let cut = path.lastIndex(where: { $0 == "." || $0 == "[" }) else { return lines[""] }
            path = path[..<cut]
        }
    }

    private func describe(_ error: DecodingError) -> (path: [any CodingKey], problem: String) {
        switch error {
        case .keyNotFound(let key, let context):
            (context.codingPath, "the key \"\(key.stringValue)\" is missing")
        case .valueNotFound(_, let context):
            (context.codingPath, "a value is missing")
        case .typeMismatch(let type, let context):
            (context.codingPath, "expected \(words(for: type))")
        case .dataCorrupted(let context):
            (context.codingPath, context.debugDescription)
        @unknown default:
            ([], "the document does not have the expected shape")
        }
    }

    private func words(for type: any Any.Type) -> String {
        switch type {
        case is String.Type: "a text"
        case is Bool.Type: "true or false"
        case is any FixedWidthInteger.Type: "a whole number"
        case is any BinaryFloatingPoint.Type: "a number"
        case is [Any].Type: "a list"
        default: "an object or a list of another shape"
        }
    }
}

/// A value that a decoder refuses, with its place: thrown inside `init(from:)`, reported with document, line and path.
package struct Rejected: Error {
    package let problem: String
    package let path: [any CodingKey]

    package init(_ problem: String, at path: [any CodingKey]) {
        self.problem = problem
        self.path = path
    }
}

/// A document that a person wrote cannot be used as it is.
package struct DocumentFailure: Failure, Equatable {
    package let document: String
    package let line: Int?
    /// The place in the document, `grants[2].privileges[0]`, or empty for the whole.
    package let path: String
    package let problem: String
    package let hint: String?

    package init(document: String, line: Int?, path: String, problem: String, hint: String? = nil) {
        self.document = document
        self.line = line
        self.path = path
        self.problem = problem
        self.hint = hint
    }

    package var status: ExitStatus { .malformed }

    package var sentence: String {
        let place = [line.map { "line \($0)" }, path.isEmpty ? nil : path, problem].compactMap(\.self)
        return "cannot read \(document): \(place.joined(separator: ": "))"
    }
}

extension Decoder {
    /// The keyed container, after refusing keys that are not among `keys`, each with the nearest known one.
    package func strict<Keys: CodingKey & CaseIterable>(
        _ keys: Keys.Type
    ) throws -> KeyedDecodingContainer<Keys> {
        let known = Set(Keys.allCases.map(\.stringValue))
        let present = try container(keyedBy: AnyKey.self).allKeys.map(\.stringValue).sorted()
        for key in present where !known.contains(key) {
            throw Rejected(
                "unknown key \"\(key)\"" + Suggestion.phrase(for: key, among: known), at: codingPath + [AnyKey(key)])
        }
        return try container(keyedBy: keys)
    }
}

/// Any text as a key, for objects whose keys are names.
package struct AnyKey: CodingKey {
    package let stringValue: String
    package var intValue: Int? { nil }

    package init(_ text: String) { stringValue = text }
    package init?(stringValue: String) { self.init(stringValue) }
    package init?(intValue: Int) { nil }
}

/// Spells a path as people do: `grants[2].privileges[0]`, `rowSecurity["public.orders"].force`.
package func spell(_ path: [any CodingKey]) -> String {
    path.reduce(into: "") { text, key in
        if let index = key.intValue {
            text += "[\(index)]"
        } else {
            text = JSONScanner.path(text, appending: key.stringValue)
        }
    }
}
