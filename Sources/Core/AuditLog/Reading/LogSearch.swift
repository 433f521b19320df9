import Platform
import SystemPackage

/// What a search found.
package struct SearchResult: Equatable, Sendable {
    /// The newest of them, oldest first, as their lines stand in the log.
    package var lines: [[UInt8]]
    /// How many there are that match; `lines` may hold fewer.
    package var matching: Int
    /// How many bytes were looked through.
    package var looked: Int
}

extension LogReader {
    /// Searches the whole log on all processors; the newest `count` lines that match are kept.
    ///
    /// What is found is not verified; a log that is damaged elsewhere is read nevertheless.
    package func search(
        _ filter: RecordFilter, last count: Int, from place: ReadingPlace? = nil
    ) throws -> SearchResult {
        let ready = LineFilter(filter)
        let found = try mapInParallel(LogPiece.all(of: folder, from: place), atOnce: 1) { piece in
            try search(piece, ready, keeping: count)
        }
        var result = SearchResult(lines: [], matching: 0, looked: 0)
        for part in found.reversed() {
            result.matching += part.matching
            result.looked += part.looked
            if result.lines.count < count {
                result.lines.insert(contentsOf: part.lines.suffix(count - result.lines.count), at: 0)
            }
        }
        return result
    }

    private func search(_ piece: LogPiece, _ filter: LineFilter, keeping count: Int) throws -> SearchResult {
        var result = SearchResult(lines: [], matching: 0, looked: 0)
        // Where the newest of them stand; only those are read again at the end.
        var places: [Range<Int>] = []
        try forEachLineBlock(of: piece.file, in: piece.range) { block, offset, _ in
            forEachMatch(in: block, filter, looked: &result.looked) { start, line in
                result.matching += 1
                guard count > 0 else { return }
                places.append(offset + start..<offset + start + line.count)
                if places.count >= max(4096, 2 * count) { places.removeFirst(places.count - count) }
            }
        }
        let reader = try PartReader(piece.file)
        result.lines = try places.suffix(count).map { try reader.read($0) }
        return result
    }
}

/// Hands over the lines of a block that match, without their line feeds, and where in the block each starts.
func forEachMatch(
    in block: Span<UInt8>, _ filter: LineFilter, looked: inout Int, _ take: (_ start: Int, _ line: Span<UInt8>) -> Void
) {
    var position = 0
    let takesAll = filter.takesAll
    var shapes = LineFilter.Shapes()
    if let needle = filter.needles.first {
        // Most lines are never looked at: only those around a place where the rarest bytes stand.
        while position < block.count, let hit = needle.place(in: block, from: position) {
            let start = block.lastIndex(of: lineFeed, before: hit).map { $0 + 1 } ?? 0
            let end = block.firstIndex(of: lineFeed, from: hit) ?? block.count
            let line = block.extracting(start..<end)
            if filter.takes(line, &shapes) { take(start, line) }
            position = end + 1
        }
        looked += block.count
        return
    }
    while position < block.count {
        let end = block.firstIndex(of: lineFeed, from: position) ?? block.count
        let line = block.extracting(position..<end)
        if takesAll || filter.takes(line, &shapes) { take(position, line) }
        position = end + 1
    }
    looked += block.count
}
