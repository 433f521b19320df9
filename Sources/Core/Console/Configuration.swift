import Platform
package import SystemPackage

/// The toolkit's one configuration file: a section for each capability, every value with a working default.
///
/// A program judges its own section strictly, and of the others only their names, since it does not link what they mean.
package struct Configuration: Sendable {
    /// The sections that there are.
    package static let sections = ["policy", "backup", "audit", "pii", "auth"]

    private let document: CommentedJSON?
    /// The file as it was named, for messages; nil when there is none.
    package var file: String? { document?.name }

    /// Reads the file that was asked for, or the usual one if it exists.
    ///
    /// - Throws: `FileFailure` (66) for a file that was named and is not there; `DocumentFailure` for one that is wrong,
    ///   with status 78.
    package init(_ path: FilePath?, environment: [String: String]) throws {
        let named = path ?? environment["DBSEC_CONFIG"].map { FilePath($0) }
        let usual: FilePath = "/etc/dbsec/dbsec.json"
        guard let path = named ?? (Files.exists(usual) ? usual : nil) else {
            document = nil
            return
        }
        let document = try CommentedJSON(Files.read(path), named: path.string)
        self.document = document
        try judged { _ = try document.decode(Outline.self) }
    }

    /// The state folder that the file names.
    package var state: String? {
        get throws { try document.flatMap { document in try judged { try document.decode(Outline.self).state } } }
    }

    /// One section, decoded strictly; nil when the file does not have it.
    package func section<Value: Decodable & Sendable>(_ name: String, as type: Value.Type) throws -> Value? {
        guard let document else { return nil }
        return try judged {
            // Inside of decode, which knows to say on which line something is wrong.
            try SectionName.$current.withValue(name) { try document.decode(Section<Value>.self).value }
        }
    }

    /// The line on which a value such as `backup.jobs` stands.
    package func line(of path: String) -> Int? { document?.line(of: path) }

    private func judged<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let failure as DocumentFailure {
            throw PlainFailure(.configuration, failure.sentence, hint: failure.hint)
        }
    }
}

/// The names of what stands in the file.
private struct Outline: Decodable {
    let state: String?

    enum Keys: String, CodingKey, CaseIterable {
        case schema = "$schema"
        case state, policy, backup, audit, pii, auth
    }

    init(from decoder: any Decoder) throws {
        state = try decoder.strict(Keys.self).decodeIfPresent(String.self, forKey: .state)
    }
}

/// One section of the file.
private struct Section<Value: Decodable>: Decodable {
    let value: Value?

    init(from decoder: any Decoder) throws {
        value = try decoder.container(keyedBy: AnyKey.self).decodeIfPresent(
            Value.self, forKey: AnyKey(SectionName.current))
    }
}

/// Which one: a decoder is handed nothing but what it decodes.
private enum SectionName {
    @TaskLocal static var current = ""
}

extension KeyedDecodingContainer {
    /// A whole number of a section, if it is there.
    ///
    /// - Throws: `Rejected`, with the range, for one outside of it.
    package func number(_ key: Key, in range: ClosedRange<Int>) throws -> Int? {
        guard let number = try decodeIfPresent(Int.self, forKey: key) else { return nil }
        guard range.contains(number) else {
            throw Rejected(
                "\(key.stringValue) is from \(range.lowerBound) to \(range.upperBound)", at: codingPath + [key])
        }
        return number
    }
}
