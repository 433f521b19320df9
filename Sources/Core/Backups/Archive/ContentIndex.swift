package import Cryptography

/// What a database held at the instant of its dump, in a form that does not depend on the order of rows.
///
/// Two databases with equal content have equal indexes, also after a dump and a restore.
package struct ContentIndex: Sendable, Equatable, Codable {
    /// Sorted by name; partitioned tables stand once, at the root.
    package var tables: [Table]
    package var largeObjects: LargeObjects

    package init(tables: [Table], largeObjects: LargeObjects) {
        self.tables = tables
        self.largeObjects = largeObjects
    }

    package struct Table: Sendable, Equatable, Codable {
        package let name: TableName
        /// In the order in which the digest takes them.
        package let columns: [String]
        package var rows: Int
        /// The rows as COPY text, without the line feeds between them.
        package var bytes: Int
        package var digest: ContentSum

        package init(name: TableName, columns: [String], rows: Int = 0, bytes: Int = 0, digest: ContentSum = .zero) {
            self.name = name
            self.columns = columns
            self.rows = rows
            self.bytes = bytes
            self.digest = digest
        }
    }

    package struct LargeObjects: Sendable, Equatable, Codable {
        package var count: Int
        package var bytes: Int
        package var digest: ContentSum

        package init(count: Int = 0, bytes: Int = 0, digest: ContentSum = .zero) {
            self.count = count
            self.bytes = bytes
            self.digest = digest
        }
    }

    package var rows: Int { tables.reduce(0) { $0 + $1.rows } }
    package var bytes: Int { tables.reduce(largeObjects.bytes) { $0 + $1.bytes } }

    /// The order of columns in which each table's digest was taken: what a second dump must be read in.
    package var columnOrders: [TableName: [String]] {
        Dictionary(tables.map { ($0.name, $0.columns) }, uniquingKeysWith: { first, _ in first })
    }
}

extension ContentIndex {
    /// Takes over the rows of another part of the same database; rows that both have count twice, and so differ.
    mutating func add(rowsOf other: ContentIndex) {
        for table in other.tables {
            guard let place = tables.firstIndex(where: { $0.name == table.name }) else {
                tables.append(table)
                continue
            }
            tables[place].rows += table.rows
            tables[place].bytes += table.bytes
            tables[place].digest.add(table.digest)
        }
        tables.sort { $0.name < $1.name }
    }

    /// One way in which a second index differs from a first.
    package struct Difference: Sendable, Equatable, Codable, CustomStringConvertible {
        /// Nil for the large objects.
        package let table: TableName?
        package let description: String
    }

    /// What is different in the other index; empty when the content is equal.
    package func differences(to other: ContentIndex) -> [Difference] {
        let theirs = Dictionary(other.tables.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let ours = Set(tables.map(\.name))
        var found: [Difference] = []
        for table in tables {
            guard let their = theirs[table.name] else {
                found.append(Difference(table: table.name, description: "table \(table.name) is missing"))
                continue
            }
            if let problem = table.difference(to: their) {
                found.append(Difference(table: table.name, description: "table \(table.name): \(problem)"))
            }
        }
        for table in other.tables where !ours.contains(table.name) {
            found.append(Difference(table: table.name, description: "table \(table.name) is new"))
        }
        if largeObjects != other.largeObjects {
            let problem =
                largeObjects.count == other.largeObjects.count
                ? "large objects: the content differs"
                : "large objects: \(other.largeObjects.count) instead of \(largeObjects.count)"
            found.append(Difference(table: nil, description: problem))
        }
        return found
    }
}

extension ContentIndex.Table {
    fileprivate func difference(to other: Self) -> String? {
        if columns != other.columns {
            return "columns \(other.columns.joined(separator: ", ")) instead of \(columns.joined(separator: ", "))"
        }
        if rows != other.rows { return "\(other.rows) rows instead of \(rows)" }
        if digest != other.digest || bytes != other.bytes { return "the content of its \(rows) rows differs" }
        return nil
    }
}

/// A sum modulo 2^256 of SHA-256 digests, taken as big-endian numbers.
///
/// A sum does not depend on order and, unlike an exclusive or, does not lose pairs of equal rows.
package struct ContentSum: Hashable, Sendable, Codable, CustomStringConvertible {
    /// Most significant first.
    private var high: UInt64
    private var second: UInt64
    private var third: UInt64
    private var low: UInt64

    package static let zero = ContentSum()

    /// The sum of one digest.
    package init(_ digest: Digest) {
        (high, second, third, low) = digest.words
    }

    private init() {
        (high, second, third, low) = (0, 0, 0, 0)
    }

    package mutating func add(_ other: ContentSum) {
        var carry: Bool
        (low, carry) = low.addingReportingOverflow(other.low)
        third = Self.add(third, other.third, &carry)
        second = Self.add(second, other.second, &carry)
        high = Self.add(high, other.high, &carry)
    }

    private static func add(_ left: UInt64, _ right: UInt64, _ carry: inout Bool) -> UInt64 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        let (total, again) = sum.addingReportingOverflow(carry ? 1 : 0)
        carry = overflow || again
        return total
    }

    /// 64 hexadecimal digits.
    package var description: String {
        Digest(words: (high, second, third, low)).hex
    }

    package init(from decoder: any Decoder) throws {
        self.init(try Digest(from: decoder))
    }

    package func encode(to encoder: any Encoder) throws {
        try Digest(words: (high, second, third, low)).encode(to: encoder)
    }
}
