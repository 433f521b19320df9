package import Platform
import SystemPackage

/// What a report says about the log itself: the result of verifying it, in the words of whoever verified.
package struct ReportVerdict: Sendable {
    package var origin = ""
    package var records = 0
    package var isIntact = false
    package var isComplete = false
    package var level = ""
    package var isKeyPinned = false
    package var root = ""
    package var findings: [(record: Int?, what: String)] = []
    package var openActs: [(record: Int, action: String)] = []
    package var openActCount = 0
    /// What else seems to be missing.
    package var gaps: [String] = []
    package var notes: [String] = []
    /// The first records that a checkpoint protects which was kept elsewhere, and up to when.
    package var protectedRecords: Int?
    package var protectedUntil: String?
    package var checkpoint = ""
    package var verifierKey = ""

    package init() {}
}

/// The log of a period, counted and put in order for a person to read.
package struct AuditReport: Sendable {
    let tally: ReportTally
    let rows: [ReportRow]
    let verdict: ReportVerdict
    let filter: RecordFilter
    /// The filter as the person wrote it.
    let asked: String
    let madeAt: Timestamp
    let madeBy: String
    let host: String

    /// How many acts the period has, and how many of them stand in the report one by one.
    package var total: Int { tally.acts }
    package var shown: Int { rows.count }
    package var isIntact: Bool { verdict.isIntact }
    package var failures: Int { tally.counts[ReportRow.Kinds.failure.rawValue] ?? 0 }
    package var findings: Int { tally.counts[ReportRow.Kinds.finding.rawValue] ?? 0 }

    /// Reads the log once, on all processors, and then the records that are shown.
    package static func make(
        _ reader: LogReader, _ filter: RecordFilter, asked: String, verdict: ReportVerdict, rows limit: Int,
        madeAt: Timestamp, madeBy: String, host: String, progress: ProgressHandler? = nil
    ) throws -> AuditReport {
        let ready = LineFilter(filter)
        var tally = ReportTally()
        let pieces = try LogPiece.all(of: reader.folder, size: 16 << 20)
        // As many at a time as there are processors, so that memory stays small whatever the log's size.
        for start in stride(from: 0, to: pieces.count, by: 2 * Processors.count) {
            let part = Array(pieces[start..<min(pieces.count, start + 2 * Processors.count)])
            for found in try mapInParallel(part, atOnce: 1, { try count($0, ready, limit) }) {
                tally.merge(found, rows: limit)
            }
            progress?(Progress("reading the log", rows: tally.records))
        }
        let rows = try read(places(tally, limit))
        return AuditReport(
            tally: tally, rows: rows, verdict: verdict, filter: filter, asked: asked, madeAt: madeAt, madeBy: madeBy,
            host: host)
    }

    private static func count(_ piece: LogPiece, _ filter: LineFilter, _ limit: Int) throws -> ReportTally {
        var tally = ReportTally()
        var shapes = KnownShapes<FieldShape>()
        try forEachLineBlock(of: piece.file, in: piece.range) { block, offset, _ in
            var position = 0
            while position < block.count {
                let end = block.firstIndex(of: lineFeed, from: position) ?? block.count
                let line = block.extracting(position..<end)
                if let fields = shapes.value(of: line, { RecordFields($0) }) {
                    if filter.takesAll || filter.takes(fields, line) {
                        let place = ReportTally.Place(
                            file: piece.file, range: offset + position..<offset + end, seq: fields.seq)
                        tally.add(fields, line, at: place, rows: limit)
                    }
                } else {
                    tally.unreadable += 1
                }
                position = end + 1
            }
        }
        return tally
    }

    /// The newest of each important kind, and then the newest of all, as many as may be shown.
    private static func places(_ tally: ReportTally, _ limit: Int) -> [ReportTally.Place] {
        var chosen: [Int: ReportTally.Place] = [:]
        for places in tally.newestOfKind.values { for place in places { chosen[place.seq] = place } }
        for place in tally.newest.reversed() where chosen.count < limit { chosen[place.seq] = place }
        return chosen.values.sorted { $0.seq < $1.seq }.suffix(limit)
    }

    private static func read(_ places: [ReportTally.Place]) throws -> [ReportRow] {
        var rows: [ReportRow] = []
        rows.reserveCapacity(places.count)
        for (file, group) in places.inRuns {
            let reader = try PartReader(file)
            for place in group {
                let line = try reader.read(place.range)
                if let fields = RecordFields(line.span) { rows.append(ReportRow(fields, line.span)) }
            }
        }
        return rows
    }
}

extension [ReportTally.Place] {
    /// Neighbours in the same file, together.
    fileprivate var inRuns: [(FilePath, [ReportTally.Place])] {
        reduce(into: []) { runs, place in
            if runs.last?.0 == place.file {
                runs[runs.count - 1].1.append(place)
            } else {
                runs.append((place.file, [place]))
            }
        }
    }
}
