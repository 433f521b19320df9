import Platform

/// What decoding a policy needs beyond Codable: words from a list, and objects whose keys are names.
extension Decoder {
    /// One of the known words; the error names the nearest.
    func word<Word: RawRepresentable<String>>(among known: [Word], kind: String) throws -> Word {
        let text = try singleValueContainer().decode(String.self)
        if let word = known.first(where: { $0.rawValue == text }) { return word }
        throw rejection(unknown(kind, text, among: known.map(\.rawValue)))
    }

    func rejection(_ sentence: String) -> Rejected {
        Rejected(sentence, at: codingPath)
    }
}

/// The sentence for an unknown word, with the nearest known one.
package func unknown(_ kind: String, _ word: String, among known: some Collection<String>) -> String {
    "unknown \(kind) \"\(word)\"" + Suggestion.phrase(for: word, among: known)
}

/// A part of the document that stands under a key of its author's choosing.
protocol NamedDecodable {
    init(named name: String, from decoder: any Decoder) throws
}

/// A place in a list.
private struct Position: CodingKey {
    let index: Int
    var stringValue: String { String(index) }
    var intValue: Int? { index }

    init(_ index: Int) { self.index = index }
    init?(stringValue: String) { nil }
    init?(intValue: Int) { self.init(intValue) }
}

extension KeyedDecodingContainer {
    /// The members of an object whose keys are names; none when the key is missing.
    func named<Value: NamedDecodable>(_ type: Value.Type, forKey key: Key) throws -> [Value] {
        guard contains(key) else { return [] }
        let members = try nestedContainer(keyedBy: AnyKey.self, forKey: key)
        return try members.allKeys.map { try Value(named: $0.stringValue, from: members.superDecoder(forKey: $0)) }
    }

    /// An error at this key, or at an element of the list under it.
    func rejection(_ key: Key, at index: Int? = nil, _ sentence: String) -> Rejected {
        let path: [any CodingKey] = codingPath + [key]
        return Rejected(sentence, at: index.map { path + [Position($0)] } ?? path)
    }

    /// Reads every element of the list under this key; the error names the one that could not be read.
    func parsed<Value>(
        _ key: Key, _ parse: (String) throws(NameParser.Problem) -> Value
    ) throws -> [Value] {
        let words = try decode([String].self, forKey: key)
        guard !words.isEmpty else { throw rejection(key, "the list is empty") }
        return try words.enumerated().map { index, word in
            do throws(NameParser.Problem) {
                return try parse(word)
            } catch {
                throw rejection(key, at: index, error.sentence)
            }
        }
    }
}
