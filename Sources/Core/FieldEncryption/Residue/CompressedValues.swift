import Platform

/// Looks into values that PostgreSQL has compressed, in pages of which the row pointers may be gone already.
///
/// Nothing is trusted that the page says about itself: every place where a compressed value could begin is tried, and it
/// counts when it decompresses to exactly the length that it promises. So rows are seen that VACUUM has let go of, too.
struct CompressedValues {
    enum Kind {
        /// Of a table or an index: whole, in the row.
        case inPlace
        /// Of a TOAST table: in pieces of at most 1996 bytes, each a row with the value's id and the piece's number.
        case pieces
    }

    /// A value that is longer, decompressed, is not looked into.
    private static let longest = 16 << 20
    /// TOAST_MAX_CHUNK_SIZE for pages of 8 kB, with the length before it (src/include/access/heaptoast.h).
    private static let piece = 2000
    /// How many values, of which not all pieces were seen yet, are held.
    private static let mostOpen = 64

    private struct Value {
        let id: UInt32
        var pieces: [UInt32: [UInt8]] = [:]
        var bytes = 0
        var last: UInt32?

        var isWhole: Bool { last.map { pieces.count == Int($0) + 1 } ?? false }

        /// From the beginning as far as there are pieces.
        var joined: [UInt8] {
            var bytes: [UInt8] = []
            var number: UInt32 = 0
            while let piece = pieces[number] {
                bytes += piece
                number += 1
            }
            return bytes
        }
    }

    private let kind: Kind
    private let page: Int
    private let search: PatternSearch
    private var open: [Value] = []
    /// How many values were compressed.
    private(set) var count = 0
    /// How many were too long to be looked into.
    private(set) var skipped = 0
    /// Which patterns were found, and how often any.
    private(set) var found: Set<Int> = []
    private(set) var times = 0

    init(_ kind: Kind, page: Int, _ search: PatternSearch) {
        (self.kind, self.page, self.search) = (kind, page, search)
    }

    /// - Parameter pages: whole pages, in the order of the file.
    mutating func feed(_ pages: Span<UInt8>) {
        for start in stride(from: 0, to: pages.count, by: page) {
            let end = min(start + page, pages.count)
            switch kind {
            case .inPlace: valuesInPlace(pages, start..<end)
            case .pieces: pieces(pages, start..<end)
            }
        }
    }

    /// Looks into what was begun and has no end.
    mutating func finish() {
        for value in open { look(into: value.joined) }
        open = []
    }

    // MARK: In the row

    private mutating func valuesInPlace(_ pages: Span<UInt8>, _ range: Range<Int>) {
        var place = range.lowerBound
        while place + 8 < range.upperBound {
            defer { place += 4 }
            // varatt.h: the two lower bits of a compressed value's length are 10, here as on every machine of ours.
            guard pages[place] & 3 == 2 else { continue }
            let size = Int(Self.word(pages, place) >> 2)
            guard size > 10, place + size <= range.upperBound else { continue }
            let info = Self.word(pages, place + 4)
            guard let method = Decompression.Method(rawValue: info >> 30) else { continue }
            let raw = Int(info & 0x3FFF_FFFF)
            // Something was gained, and no method gains more.
            guard raw > size - 8, raw <= (size - 8) * 300,
                let (bytes, isWhole) = Decompression.decompress(pages, place + 8..<place + size, method, size: raw),
                isWhole
            else { continue }
            note(bytes)
        }
    }

    // MARK: In pieces

    private mutating func pieces(_ pages: Span<UInt8>, _ range: Range<Int>) {
        // Rows begin at multiples of 8, in a page those that came later before the others; those of a TOAST table have a header of 24 bytes, three columns and no NULL.
        var place = range.lowerBound
        while place + 36 < range.upperBound {
            let row = place
            place += 8
            guard pages[row + 22] == 24, pages[row + 18] & 7 == 3, pages[row + 20] & 1 == 0 else { continue }
            let (id, number) = (Self.word(pages, row + 24), Self.word(pages, row + 28))
            guard id != 0, number < 1 << 20 else { continue }
            let head = pages[row + 32]
            let bytes: Range<Int>
            if head & 3 == 0 {
                let size = Int(Self.word(pages, row + 32) >> 2)
                guard size > 4, size <= Self.piece else { continue }
                bytes = row + 36..<row + 32 + size
            } else if head & 1 == 1, head > 3 {
                bytes = row + 33..<row + 32 + Int(head >> 1)
            } else {
                continue
            }
            guard bytes.upperBound <= range.upperBound else { continue }
            take(pages, bytes, id, number)
        }
    }

    private mutating func take(_ pages: Span<UInt8>, _ range: Range<Int>, _ id: UInt32, _ number: UInt32) {
        var value = Value(id: id)
        if let index = open.firstIndex(where: { $0.id == id }) { value = open.remove(at: index) }
        var piece: [UInt8] = []
        piece.append(pages.extracting(range))
        value.pieces[number] = piece
        value.bytes += piece.count
        if piece.count < Self.piece - 4 { value.last = number }
        guard !value.isWhole, value.bytes < Self.longest else { return look(into: value.joined) }
        open.append(value)
        while open.count > Self.mostOpen || open.reduce(0, { $0 + $1.bytes }) > 2 * Self.longest {
            look(into: open.removeFirst().joined)
        }
    }

    /// The pieces together are `va_tcinfo` and the compressed bytes; what there is of a torn one is looked into too.
    private mutating func look(into value: [UInt8]) {
        let span = value.span
        guard span.count > 8 else { return }
        let info = Self.word(span, 0)
        let raw = Int(info & 0x3FFF_FFFF)
        let size = min(raw, Self.longest)
        guard let method = Decompression.Method(rawValue: info >> 30), raw > span.count - 4,
            let (bytes, isWhole) = Decompression.decompress(span, 4..<span.count, method, size: size)
        else { return lookOverEdges(of: span) }
        if raw > size { skipped += 1 }
        guard isWhole || bytes.count > 0 else { return }
        note(bytes)
    }

    /// A value that is not compressed was seen piece by piece already, but for what lies over the edge of two.
    private mutating func lookOverEdges(of value: Span<UInt8>) {
        for edge in stride(from: Self.piece - 4, to: value.count, by: Self.piece - 4) {
            var pass = search.pass()
            pass.feed(value.extracting(max(0, edge - search.longest + 1)..<min(value.count, edge + search.longest - 1)))
            found.formUnion(pass.found)
            times += pass.count
        }
    }

    private mutating func note(_ value: [UInt8]) {
        count += 1
        var pass = search.pass()
        pass.feed(value.span)
        found.formUnion(pass.found)
        times += pass.count
    }

    private static func word(_ bytes: Span<UInt8>, _ place: Int) -> UInt32 {
        UInt32(bytes[place]) | UInt32(bytes[place + 1]) << 8 | UInt32(bytes[place + 2]) << 16
            | UInt32(bytes[place + 3]) << 24
    }
}
