import Cryptography
import Platform
package import PostgresClient

/// How many times each value of a column occurs: what a blind index of it would show.
package struct ValueHistogram: Sendable {
    /// How often a value occurs, and how many values occur that often.
    package private(set) var multiplicities: [Int: Int] = [:]
    package let rows: Int
    package let distinct: Int

    package init(counts: some Sequence<Int>) {
        var rows = 0
        var distinct = 0
        for count in counts {
            multiplicities[count, default: 0] += 1
            rows += count
            distinct += 1
        }
        self.rows = rows
        self.distinct = distinct
    }

    package var most: Int { multiplicities.keys.max() ?? 0 }

    /// Counts a column exactly, after the index's transforms; values stay here as 64-bit hashes under a random key.
    package static func read(
        _ path: [String], _ columns: [String], _ index: BlindIndex, on connection: Connection
    ) async throws -> ValueHistogram {
        let list = columns.map { "\(identifier: $0)::pg_catalog.text" as SQL }.joined()
        let present = columns.map { "\(identifier: $0) IS NOT NULL" as SQL }.joined(separator: " AND ")
        let key = RingKey.generate().indexKey("advice", index: index.name)
        return try await connection.copyOut(
            "COPY (SELECT \(list) FROM \(identifier: path) WHERE \(present)) TO STDOUT"
        ) { reader in
            var counts: [UInt64: Int] = [:]
            try reader.forEachRow { line in
                let fields = CopyText.fields(line)
                guard let value = try index.value(of: fields, under: key) else { return }
                counts[FieldKeyID(value.span).number, default: 0] += 1
            }
            return ValueHistogram(counts: counts.values)
        }
    }
}

/// The fields of a row in COPY's text form.
enum CopyText {
    static func fields(_ line: Span<UInt8>) -> [String?] {
        var fields: [String?] = []
        var bytes: [UInt8] = []
        var index = 0
        var isNull = false
        while index < line.count {
            let byte = line[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\t"), UInt8(ascii: "\n"):
                fields.append(isNull ? nil : String(decoding: bytes, as: UTF8.self))
                bytes.removeAll(keepingCapacity: true)
                isNull = false
            case UInt8(ascii: "\\") where index < line.count:
                let escaped = line[index]
                index += 1
                switch escaped {
                case UInt8(ascii: "N"): isNull = true
                case UInt8(ascii: "n"): bytes.append(10)
                case UInt8(ascii: "t"): bytes.append(9)
                case UInt8(ascii: "r"): bytes.append(13)
                case UInt8(ascii: "b"): bytes.append(8)
                case UInt8(ascii: "f"): bytes.append(12)
                case UInt8(ascii: "v"): bytes.append(11)
                default: bytes.append(escaped)
                }
            default: bytes.append(byte)
            }
        }
        return fields
    }
}

/// How many bits a blind index should have, what a search would find, and what the index would tell.
package struct IndexAdvice: Sendable, Encodable {
    package struct Size: Sendable, Encodable, Equatable {
        package let bits: Int
        /// Rows that a search for an average row's value fetches, of which the wanted ones are a part.
        package let expectedRows: Double
        package let worstBucket: Int
        /// How many values share one index value, on average.
        package let valuesPerBucket: Double
    }

    package let rows: Int
    package let distinct: Int
    package let mostFrequent: Int
    /// nil when no truncated index hides anything worth having.
    package let recommended: Size?
    package let sizes: [Size]
    package let full: Size
    package let warnings: [String]

    package init(_ histogram: ValueHistogram, otherBits: Int = 0) {
        rows = histogram.rows
        distinct = histogram.distinct
        mostFrequent = histogram.most
        let counts = histogram.multiplicities.flatMap { Array(repeating: $0.key, count: $0.value) }
        // From two values a bucket to a bucket for every root of the values: fewer tell too much, more find too much.
        let most = max(0, Self.log2(histogram.distinct) - 1)
        let least = max(1, (Self.log2(histogram.distinct) + 1) / 2)
        full = Size(
            bits: 256, expectedRows: Self.expected(counts, histogram.rows, bits: 64), worstBucket: histogram.most,
            valuesPerBucket: 1)
        var sizes: [Size] = []
        if histogram.distinct >= 16 {
            let step = max(1, (most - least) / 6)
            for bits in stride(from: least, through: most, by: step) {
                sizes.append(Self.size(counts, histogram, bits: bits))
            }
            if sizes.last?.bits != most { sizes.append(Self.size(counts, histogram, bits: most)) }
        }
        self.sizes = sizes
        // What several indexes of one column tell adds up.
        let budget = max(least, most - otherBits)
        recommended = sizes.last { $0.bits <= budget && $0.valuesPerBucket >= 2 } ?? sizes.first
        warnings = Self.warnings(histogram, recommended, otherBits, most)
    }

    private static func warnings(
        _ histogram: ValueHistogram, _ size: Size?, _ otherBits: Int, _ most: Int
    ) -> [String] {
        var warnings: [String] = []
        guard histogram.rows > 0 else { return ["the column has no values yet: plan with data like that to come"] }
        if histogram.distinct < 16 {
            warnings.append(
                "there are only \(histogram.distinct) different values: any index shows which rows are alike, and who knows how "
                    + "frequent each is knows them all; filter after decryption, or index something else")
        }
        let share = Double(histogram.most) / Double(histogram.rows)
        if share > 0.05, histogram.distinct > 1 {
            let percent = Int((share * 100).rounded())
            warnings.append(
                "one value is \(percent) % of the rows: its index value stands out with any number of bits")
        }
        let once = histogram.multiplicities[1] ?? 0
        if once == histogram.distinct, histogram.distinct >= 16 {
            warnings.append(
                "every value occurs once: frequencies tell nothing, and a full-length index tells only when two are equal; it may "
                    + "also be unique")
        }
        if let size, size.worstBucket > 20 * max(1, Int(size.expectedRows)) {
            warnings.append(
                "the largest bucket has \(size.worstBucket) rows, \(size.worstBucket / max(1, Int(size.expectedRows))) times the "
                    + "expected: a search for its value is slow, and it stands out")
        }
        if otherBits > 0 {
            warnings.append(
                "the column's other indexes have \(otherBits) bits: all of them together tell as much as one with the sum, and "
                    + "should stay at \(most) or less")
        }
        return warnings
    }

    private static func size(_ counts: [Int], _ histogram: ValueHistogram, bits: Int) -> Size {
        // Values fall into buckets by chance, as a keyed hash lets them; three throws, and the worst of them.
        var worst = 0
        for _ in 0..<3 {
            var buckets: [Int: Int] = [:]
            for count in counts { buckets[Int.random(in: 0..<(1 << bits)), default: 0] += count }
            worst = max(worst, buckets.values.max() ?? 0)
        }
        return Size(
            bits: bits, expectedRows: expected(counts, histogram.rows, bits: bits), worstBucket: worst,
            valuesPerBucket: Double(histogram.distinct) / Double(1 << bits))
    }

    /// The rows that a search for the value of a row taken by chance fetches.
    private static func expected(_ counts: [Int], _ rows: Int, bits: Int) -> Double {
        guard rows > 0 else { return 0 }
        let others = 1 / Double(UInt64(1) << UInt64(min(bits, 63)))
        return counts.reduce(0.0) { sum, count in
            sum + Double(count) / Double(rows) * (Double(count) + Double(rows - count) * others)
        }
    }

    private static func log2(_ number: Int) -> Int {
        number < 2 ? 0 : Int.bitWidth - 1 - number.leadingZeroBitCount
    }
}
