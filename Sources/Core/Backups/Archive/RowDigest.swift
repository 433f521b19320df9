import Cryptography
import Platform

/// Counts, measures and digests the rows of one table's COPY text, wherever the text is cut on its way.
///
/// The lines are COPY's text format (PostgreSQL documentation, COPY, "Text Format"): a line feed ends a row and never
/// stands inside one, and the line `\.` ends the data.
struct RowDigest {
    private(set) var rows = 0
    private(set) var bytes = 0
    private(set) var sum = ContentSum.zero

    private var isEnded = false
    private var partial = SHA256()
    private var partialCount = 0
    /// The first two bytes of a row that came in pieces, to tell the end mark.
    private var partialHead: [UInt8] = []
    /// Where the columns of a row go, when its table is to be read in another order.
    private let order: [Int]?
    private var kept: [UInt8] = []

    private static let lineFeed = UInt8(ascii: "\n")
    private static let tab = UInt8(ascii: "\t")

    init(order: [Int]? = nil) {
        self.order = order
    }

    mutating func take(_ text: Span<UInt8>) throws {
        var start = 0
        while start < text.count {
            if isEnded { return try takeRest(text, from: start) }
            guard let end = text.firstIndex(of: Self.lineFeed, from: start) else {
                return takePiece(text.extracting(start..<text.count))
            }
            let piece = text.extracting(start..<end)
            if order != nil {
                takePiece(piece)
                try endKeptRow()
            } else if partialCount == 0 {
                takeRow(piece)
            } else {
                takePiece(piece)
                endPartialRow()
            }
            start = end + 1
        }
    }

    /// Every row is there: the data ended with its end mark.
    func checkEnd() throws {
        guard isEnded else { throw PlainFailure.archive("a table's rows have no end mark") }
    }

    private mutating func takeRow(_ row: Span<UInt8>) {
        if row.count == 2, row[0] == UInt8(ascii: "\\"), row[1] == UInt8(ascii: ".") {
            isEnded = true
            return
        }
        add(SHA256.hash(row), count: row.count)
    }

    private mutating func takePiece(_ piece: Span<UInt8>) {
        guard order == nil else {
            for index in piece.indices { kept.append(piece[index]) }
            return
        }
        if partialCount == 0 {
            partial = SHA256()
            partialHead = []
        }
        for index in 0..<min(piece.count, 2 - min(partialHead.count, 2)) { partialHead.append(piece[index]) }
        partial.update(piece)
        partialCount += piece.count
    }

    private mutating func endPartialRow() {
        defer { partialCount = 0 }
        if partialCount == 2, partialHead == Array("\\.".utf8) {
            isEnded = true
            return
        }
        add(partial.finish(), count: partialCount)
    }

    private mutating func endKeptRow() throws {
        defer { kept.removeAll(keepingCapacity: true) }
        guard kept != Array("\\.".utf8) else {
            isEnded = true
            return
        }
        let fields = kept.split(separator: Self.tab, omittingEmptySubsequences: false)
        guard let order, fields.count == order.count else {
            throw PlainFailure.archive("a row has \(fields.count) columns, not \(order?.count ?? 0)")
        }
        var row: [UInt8] = []
        row.reserveCapacity(kept.count)
        for (place, index) in order.enumerated() {
            if place > 0 { row.append(Self.tab) }
            row.append(contentsOf: fields[index])
        }
        add(SHA256.hash(row.span), count: row.count)
    }

    private mutating func add(_ digest: Digest, count: Int) {
        sum.add(ContentSum(digest))
        rows += 1
        bytes += count
    }

    private func takeRest(_ text: Span<UInt8>, from start: Int) throws {
        for index in start..<text.count where text[index] != Self.lineFeed {
            throw PlainFailure.archive("there are rows after the end mark")
        }
    }
}
