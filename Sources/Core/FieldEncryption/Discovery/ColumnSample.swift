/// A column, or one key inside a column of JSON, with a sample of its values.
package struct ColumnSample: Sendable {
    package var schema: String
    package var table: String
    package var column: String
    /// The keys that lead to the values inside of a JSON column, as `["contact", "email"]`.
    package var path: [String] = []
    /// The name of the type, of arrays the elements'.
    package var type: String
    package var isArray = false
    /// Values that are not NULL and not empty, at most 500 bytes of each.
    package var values: [String]

    package init(schema: String, table: String, column: String, path: [String] = [], type: String, values: [String]) {
        self.schema = schema
        self.table = table
        self.column = column
        self.path = path
        self.type = type
        self.values = values
    }

    /// What the values are called.
    var name: String { path.last { !$0.allSatisfy(\.isNumber) } ?? column }
}

/// What was found out about one column.
package struct ColumnFinding: Sendable, Encodable {
    package var schema: String
    package var table: String
    package var column: String
    package var path: [String]?
    package var type: String
    package var kind: PersonalKind
    /// From 0 to 1.
    package var confidence: Double
    /// Why, in words.
    package var reasons: [String]
    /// The shapes of some values: letters are X and x, digits 9.
    package var evidence: [String]
    /// How many values were looked at.
    package var sampled: Int

    /// `public.users.contact.email`.
    package var place: String {
        ([schema, table, column] + (path ?? [])).joined(separator: ".")
    }
}
