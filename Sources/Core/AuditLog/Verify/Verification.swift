import Cryptography
package import Platform

extension LogReader {
    /// Reads every record and holds the log against its checkpoint, the key, and checkpoints that were kept elsewhere.
    ///
    /// Takes memory for one record and one path of the tree, however long the log is, and no lock: it may run while others
    /// append. Without a key, the one in the log's own folder has to do.
    package func verify(
        key pinned: VerifierKey? = nil, kept: [SignedCheckpoint] = [], progress: ProgressHandler? = nil
    ) throws -> LogVerdict {
        var verdict = LogVerdict()
        // First the checkpoint, then the log: what is appended in between only makes the log longer.
        let key = try pinned ?? finding(&verdict) { try folder.readVerifierKey() }
        let checkpoint = try finding(&verdict) { try folder.readCheckpoint() }
        verdict.origin = checkpoint?.checkpoint.origin
        verdict.checkpointSize = checkpoint?.size
        let scan = VerifyingScan(sizes: Set(kept.map(\.size) + [checkpoint?.size].compactMap { $0 }))
        _ = try finding(&verdict) { try read(scan, progress: progress) }
        scan.report(in: &verdict)
        if let key {
            judge(checkpoint, kept, by: key, scan, &verdict)
        }
        return verdict
    }

    private func read(_ scan: VerifyingScan, progress: ProgressHandler?) throws {
        let segments = try folder.segments()
        guard !segments.isEmpty else {
            throw AuditFailure(.inconsistent, "the log \(folder.segment(0).body) is gone")
        }
        let total = segments.reduce(0) { $0 + ((try? Files.size($1.body)) ?? 0) }
        var walk = LogWalk()
        defer { scan.tail = walk.tail }
        try walk.run(
            folder, pruned: { scan.take(pruned: $0) },
            take: { line in
                scan.take(line)
                if scan.size.isMultiple(of: 4096) {
                    progress?(Progress("verifying", bytes: scan.bytes, totalBytes: total))
                }
            })
    }

    private func judge(
        _ checkpoint: SignedCheckpoint?, _ kept: [SignedCheckpoint], by key: VerifierKey, _ scan: VerifyingScan,
        _ verdict: inout LogVerdict
    ) {
        let held = kept.filter { hold($0, "a checkpoint that was kept", key, scan, after: nil, &verdict) }
        let newest = held.max { $0.size < $1.size }
        verdict.anchor = newest.map { LogVerdict.Anchor(size: $0.size, until: scan.times[$0.size]) }
        guard let checkpoint else { return }
        let isHeld = hold(checkpoint, "the checkpoint", key, scan, after: newest?.size, &verdict)
        let isSound = scan.roots[checkpoint.size] == checkpoint.root && scan.findingCount == 0
        if isSound { verdict.level = .consistent }
        if isSound, isHeld { verdict.level = held.isEmpty || held.count < kept.count ? .signed : .anchored }
        if verdict.records > checkpoint.size {
            verdict.notes.append(
                "the last \(verdict.records - checkpoint.size) records are not signed yet: the next append does that")
        }
    }

    /// Whether the key signed the checkpoint and the log begins with what it says; if not, a finding says why.
    private func hold(
        _ checkpoint: SignedCheckpoint, _ name: String, _ key: VerifierKey, _ scan: VerifyingScan, after sound: Int?,
        _ verdict: inout LogVerdict
    ) -> Bool {
        let size = checkpoint.size
        guard checkpoint.isSigned(by: key) else {
            verdict.find("\(name) of \(size) records is not signed by the key \(key.name)")
            return false
        }
        guard let root = scan.roots[size] else {
            verdict.find(
                "\(name) signed \(size) records, and the log has only \(scan.size): it was cut or rolled back")
            return false
        }
        guard root == checkpoint.root else {
            let place = sound.map { $0 < size ? "; the first \($0) are unchanged" : "" } ?? ""
            verdict.find(
                "\(name) signed other \(size) records than the log begins with: one was changed, added or removed\(place)"
            )
            return false
        }
        return true
    }

    /// Turns what is wrong with the log into a finding; that it cannot be read at all stays an error.
    private func finding<Value>(_ verdict: inout LogVerdict, _ body: () throws -> Value) throws -> Value? {
        do {
            return try body()
        } catch let failure as AuditFailure {
            verdict.find(failure.sentence)
        } catch let failure as FileFailure where failure.status == .inputMissing {
            verdict.find("\(failure.path) is gone")
        }
        return nil
    }
}

extension LogVerdict {
    fileprivate mutating func find(_ what: String) {
        findings.append(Finding(record: nil, what: what))
    }
}

/// One pass over the records.
private final class VerifyingScan {
    private(set) var tree = CompactTree()
    private(set) var bytes = 0
    /// The roots at the sizes that somebody signed, and the times of the last records then.
    private(set) var roots: [Int: Digest] = [:]
    private(set) var times: [Int: Timestamp] = [:]
    private(set) var findingCount = 0
    var tail = 0
    private let sizes: Set<Int>
    private var findings: [LogVerdict.Finding] = []
    private var first: Timestamp?
    /// The time in the record before, as it stands there: one form, so that the order of the texts is that of the times.
    private var time = ""
    private var open: [String: LogVerdict.OpenAct] = [:]
    private var openCount = 0
    private var clockSteps = 0
    private var firstClockStep = 0

    init(sizes: Set<Int>) {
        self.sizes = sizes
        if sizes.contains(0) { roots[0] = MerkleHash.empty }
    }

    var size: Int { tree.size }

    /// A record of which only the hash is left.
    func take(pruned leaf: Digest) {
        tree.append(leaf)
        note()
    }

    func take(_ line: Span<UInt8>) {
        let index = tree.size
        tree.append(MerkleHash.leaf(line))
        bytes += line.count + 1
        do {
            check(try RecordOutline(parsing: line), line, at: index)
        } catch let failure as AuditFailure {
            find(index, failure.sentence)
        } catch {
            find(index, "not a record")
        }
        note()
    }

    private func note() {
        if sizes.contains(tree.size) {
            roots[tree.size] = tree.root
            times[tree.size] = Timestamp(time)
        }
    }

    func report(in verdict: inout LogVerdict) {
        verdict.records = tree.size
        verdict.bytes = bytes
        verdict.root = tree.root
        verdict.first = first
        verdict.last = Timestamp(time)
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
        if clockSteps > 0 {
            verdict.notes.append(
                "the clock went back before record \(firstClockStep)\(clockSteps > 1 ? ", and \(clockSteps - 1) times after it" : "")"
            )
        }
    }

    private func check(_ record: RecordOutline, _ line: Span<UInt8>, at index: Int) {
        if record.seq != index {
            find(index, "it says that it is record \(record.seq): records were removed, added or moved")
        }
        let time = RecordOutline.text(line, record.time)
        if first == nil { first = Timestamp(time) }
        if time < self.time {
            if clockSteps == 0 { firstClockStep = index }
            clockSteps += 1
        }
        self.time = time
        switch record.phase {
        case .started:
            openCount += 1
            // Bounded, since a forger may write any number of starts; beyond that they are only counted.
            guard open.count < 10000 else { return }
            open[RecordOutline.text(line, record.id)] = LogVerdict.OpenAct(
                record: index, action: RecordOutline.text(line, record.action))
        case .finished:
            guard let ref = record.ref else { return }
            if open.removeValue(forKey: RecordOutline.text(line, ref)) != nil { openCount -= 1 }
        case .event: break
        }
    }

    private func find(_ index: Int, _ what: String) {
        findingCount += 1
        if findings.count < LogVerdict.findingLimit { findings.append(LogVerdict.Finding(record: index, what: what)) }
    }
}
