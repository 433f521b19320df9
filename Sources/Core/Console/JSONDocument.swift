import FoundationEssentials

/// A report as one JSON document: keys sorted, the number of its schema in it.
package enum JSONDocument {
    /// Rises when a key of some report changes its meaning or goes away.
    package static let schema = 1

    package static func text(_ report: some Report) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(Envelope(report: report)), as: UTF8.self)
    }
}

private struct Envelope<Content: Report>: Encodable {
    let report: Content

    private enum Keys: String, CodingKey {
        case schema
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(JSONDocument.schema, forKey: .schema)
        try report.encode(to: encoder)
    }
}
