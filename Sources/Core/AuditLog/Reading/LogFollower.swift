import Platform
import SystemPackage

/// Reads a log from a place on, again and again, over the ends of its files.
package struct LogFollower {
    private let reader: LogReader
    private let filter: LineFilter
    private var place: ReadingPlace

    /// Begins behind the last record that there is now.
    package init(_ reader: LogReader, _ filter: RecordFilter) throws {
        self.reader = reader
        self.filter = LineFilter(filter)
        place = try Self.end(of: reader.folder)
    }

    /// Where the newest file ends; only whole lines are ever taken, so a half one is read again.
    private static func end(of folder: LogFolder) throws -> ReadingPlace {
        guard let file = try folder.bodies.last else { return ReadingPlace(file: folder.segment(0).body, offset: 0) }
        var end = 0
        let start = max(0, try FileIdentity(of: file).size - (1 << 17))
        try forEachLineBlock(of: file, in: start..<Int.max) { lines, offset, _ in end = offset + lines.count }
        return ReadingPlace(file: file, offset: end)
    }

    /// The matching lines that were written since the last call.
    ///
    /// - Throws: `AuditFailure.inconsistent` when the file has become shorter, which no log does by itself.
    package mutating func next() throws -> [[UInt8]] {
        var found: [[UInt8]] = []
        while true {
            let segments = try reader.folder.bodies
            guard let current = segments.firstIndex(of: place.file) else {
                // Retention has taken it: what came after it is still there.
                guard let next = segments.first(where: { $0.string > place.file.string }) else { return found }
                place = ReadingPlace(file: next, offset: 0)
                continue
            }
            let length = try FileIdentity(of: place.file).size
            guard length >= place.offset else {
                throw AuditFailure(
                    .inconsistent, "\(place.file) has become shorter: records that were there are gone",
                    hint: "run dbaudit verify")
            }
            var looked = 0
            var end = place.offset
            if length > place.offset {
                try forEachLineBlock(of: place.file, in: place.offset..<length) { lines, offset, _ in
                    forEachMatch(in: lines, filter, looked: &looked) { _, line in
                        var bytes: [UInt8] = []
                        bytes.append(line)
                        found.append(bytes)
                    }
                    end = offset + lines.count
                }
            }
            place.offset = end
            guard current + 1 < segments.count else { return found }
            place = ReadingPlace(file: segments[current + 1], offset: 0)
        }
    }
}
