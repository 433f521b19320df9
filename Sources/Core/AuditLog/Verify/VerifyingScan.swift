import Cryptography
import Platform

/// One pass over the records: their tree, their order, and what they say about the world.
final class VerifyingScan {
    private(set) var cursor: LogCursor
    private(set) var bytes = 0
    /// The roots at the sizes that somebody signed, and the times of the last records then.
    private(set) var roots: [Int: Digest] = [:]
    private(set) var times: [Int: Timestamp] = [:]
    /// Records that say that the key was replaced, by their number.
    private(set) var rotations: [Int: AuditRecord] = [:]
    private(set) var findings: [LogVerdict.Finding] = []
    private(set) var findingCount = 0
    private(set) var pruned = 0
    var tail = 0
    private let sizes: [Int]
    /// The first of them that has not been reached, as a number alone: it is looked at for every record.
    private var next = Int.max
    private let firstRead: Int
    private var first: Int64?
    private var time: Int64?
    private var shapes = KnownShapes<OutlineShape>()
    private var reader = RecordTimes()
    private var clock: RecordClock?
    private var open: [UUIDKey: LogVerdict.OpenAct] = [:]
    private var openCount = 0
    private var clockSteps = ClockSteps()
    private var world = WorldScan()

    init(sizes: Set<Int>, from tree: CompactTree = CompactTree(), at place: LogPlace = LogPlace(segment: 0, offset: 0))
    {
        self.sizes = sizes.sorted()
        cursor = LogCursor(tree: tree, place: place)
        firstRead = tree.size
        note()
    }

    var size: Int { cursor.size }

    func enter(_ segment: LogSegment) { cursor.enter(segment.number) }

    /// A record of which only the hash is left.
    func take(pruned leaf: Digest) {
        cursor.append(leaf, bytes: 0)
        pruned += 1
        _ = cursor.takeCompleted()
        if size == next { note() }
    }

    func take(_ line: Span<UInt8>) {
        let index = cursor.size
        bytes += line.count + 1
        do {
            guard let outline = try shapes.value(of: line, { try RecordOutline(parsing: $0) }) else {
                throw AuditFailure(.inconsistent, "not a record")
            }
            try check(outline, line, at: index)
        } catch let failure as AuditFailure {
            find(index, failure.sentence)
        } catch {
            find(index, "not a record")
        }
        cursor.append(MerkleHash.leaf(line), bytes: line.count + 1)
        if index & 0xFFFF == 0 { _ = cursor.takeCompleted() }
        if index + 1 == next { note() }
    }

    private func note() {
        next = sizes.first { $0 > size } ?? Int.max
        guard sizes.contains(size) else { return }
        roots[size] = cursor.tree.root
        times[size] = time.map { Timestamp(microseconds: $0) }
    }

    func report(in verdict: inout LogVerdict) {
        verdict.records = size
        verdict.bytes = bytes
        verdict.pruned = pruned
        verdict.root = cursor.tree.root
        verdict.first = first.map { Timestamp(microseconds: $0) }
        verdict.last = time.map { Timestamp(microseconds: $0) }
        verdict.findings += findings
        if findingCount > findings.count {
            verdict.find("and \(findingCount - findings.count) more records like these")
        }
        verdict.openActCount = openCount
        verdict.openActs = Array(open.values.sorted { $0.record < $1.record }.prefix(LogVerdict.findingLimit))
        if tail > 0 {
            verdict.notes.append(
                "\(tail) bytes follow the last record: somebody is writing, or a crash left them; the next append sets them aside"
            )
        }
        clockSteps.report(in: &verdict)
        world.report(in: &verdict, pruned: pruned, isWhole: firstRead == 0)
    }

    private func check(_ record: RecordOutline, _ line: Span<UInt8>, at index: Int) throws {
        if record.seq != index {
            find(index, "it says that it is record \(record.seq): records were removed, added or moved")
        }
        guard let time = reader.parse(line, record.time) else { throw AuditFailure(.inconsistent, "not a record") }
        if first == nil { first = time }
        let clock = RecordClock(line, record.clock)
        if let before = self.time {
            clockSteps.look(from: before, to: time, self.clock, clock, at: index)
        }
        (self.time, self.clock) = (time, clock)
        switch record.phase {
        case .started:
            openCount += 1
            // Bounded, since a forger may write any number of starts; beyond that they are only counted.
            guard open.count < 10000, let id = UUIDKey(line, record.id) else { break }
            open[id] = LogVerdict.OpenAct(record: index, action: RecordOutline.text(line, record.action))
        case .finished:
            if let ref = record.ref, let id = UUIDKey(line, ref), open.removeValue(forKey: id) != nil { openCount -= 1 }
        case .event: break
        }
        guard WorldScan.isOfInterest(line, record.action, record.phase) else { return }
        try look(at: AuditRecord(parsing: line), index)
    }

    private func look(at record: AuditRecord, _ index: Int) throws {
        switch AuditAction(rawValue: record.action) {
        case .logKey: rotations[index] = record
        case .logSegment:
            if record.facts?["previousSize"] != .number(index)
                || record.facts?["previousRoot"] != .text(cursor.tree.root.hex)
            {
                find(index, "this part of the log does not follow the one before: that one was changed, or another's")
            }
        default: world.look(at: record)
        }
    }

    private func find(_ index: Int, _ what: String) {
        findingCount += 1
        if findings.count < LogVerdict.findingLimit { findings.append(LogVerdict.Finding(record: index, what: what)) }
    }
}

/// Where the clock did not go on as the machine's own time did: a warning, never a fault.
private struct ClockSteps {
    private var back = (count: 0, first: 0)
    private var forward = (count: 0, first: 0)

    /// Beyond what a clock that is set right by NTP does.
    private static let tolerance: Int64 = 60_000_000

    mutating func look(from before: Int64, to now: Int64, _ old: RecordClock?, _ new: RecordClock?, at index: Int) {
        if now < before {
            if back.count == 0 { back.first = index }
            back.count += 1
        } else if let old, let new, old.boot == new.boot,
            now - before > (new.nanoseconds &- old.nanoseconds) / 1000 + Self.tolerance
        {
            if forward.count == 0 { forward.first = index }
            forward.count += 1
        }
    }

    func report(in verdict: inout LogVerdict) {
        for (step, words) in [(back, "the clock went back"), (forward, "the clock was put forward")]
        where step.count > 0 {
            let more = step.count > 1 ? ", and \(step.count - 1) times after it" : ""
            verdict.notes.append("\(words) before record \(step.first)\(more)")
        }
    }
}
