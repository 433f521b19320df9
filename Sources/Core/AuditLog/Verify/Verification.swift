import Cryptography
package import Platform

/// A checkpoint that was kept somewhere, with a name for where that was.
package struct KeptCheckpoint: Equatable, Sendable {
    package let checkpoint: SignedCheckpoint
    package let from: String
    /// Whether it was kept where the log's host cannot change it: only such a one raises the level.
    package let isElsewhere: Bool

    package init(_ checkpoint: SignedCheckpoint, from: String, isElsewhere: Bool = true) {
        self.checkpoint = checkpoint
        self.from = from
        self.isElsewhere = isElsewhere
    }
}

/// What a log is held against.
package struct VerifyOptions: Sendable {
    /// The key that whoever verifies has pinned; without one, that in the log's own folder has to do.
    package var key: VerifierKey?
    package var kept: [KeptCheckpoint] = []
    /// Reads only what came after the newest of the kept checkpoints.
    package var onlyNew = false
    package var now = Timestamp.now()
    /// How old the newest record under a kept checkpoint may be for level L3, in seconds.
    package var freshness: Double = 26 * 3600

    package init() {}
}

extension LogReader {
    package func verify(
        key pinned: VerifierKey? = nil, kept: [SignedCheckpoint] = [], progress: ProgressHandler? = nil
    ) throws -> LogVerdict {
        var options = VerifyOptions()
        options.key = pinned
        options.kept = kept.map { KeptCheckpoint($0, from: "a checkpoint that was kept") }
        return try verify(options, progress: progress)
    }

    /// Reads the records and holds the log against its checkpoint, the key, and checkpoints that were kept elsewhere.
    ///
    /// Takes memory for one record and one path of the tree, however long the log is, and no lock: it may run while others
    /// append.
    package func verify(_ options: VerifyOptions, progress: ProgressHandler? = nil) throws -> LogVerdict {
        var verdict = LogVerdict()
        // First the checkpoint, then the log: what is appended in between only makes the log longer.
        let key = try options.key ?? finding(&verdict) { try folder.readVerifierKey() }
        let checkpoint = try finding(&verdict) { try folder.readCheckpoint() }
        let rotations = try finding(&verdict) { try folder.rotations() } ?? []
        verdict.origin = checkpoint?.checkpoint.origin
        verdict.checkpointSize = checkpoint?.size
        let sizes = Set(
            options.kept.map(\.checkpoint.size) + rotations.map(\.size) + [checkpoint?.size].compactMap { $0 })
        let start = options.onlyNew ? startOfNew(options.kept.map(\.checkpoint)) : nil
        let scan = VerifyingScan(
            sizes: sizes, from: start?.state ?? CompactTree(), at: start?.place ?? LogPlace(segment: 0, offset: 0))
        verdict.firstRead = scan.size
        if options.onlyNew, start == nil {
            verdict.notes.append("every record was read, since the log's index does not lead to a checkpoint you kept")
        }
        _ = try finding(&verdict) { try read(scan, skip: start?.skip ?? 0, progress: progress) }
        scan.report(in: &verdict)
        if let key {
            let chain = KeyChain(
                pinned: key, rotations: rotations,
                root: { scan.roots[$0] ?? start?.root(at: $0) },
                record: { scan.rotations[$0] ?? start?.record($0) })
            for problem in chain.problems { verdict.find(problem) }
            judge(
                checkpoint, options, by: chain, key, { scan.roots[$0] ?? start?.root(at: $0) },
                { scan.times[$0] ?? start?.record($0 - 1)?.time }, scan, &verdict)
        }
        try nameFirst(checkpoint, scan, &verdict)
        return verdict
    }

    /// Where the newest kept checkpoint ends, if the log's index leads to its root.
    private func startOfNew(_ kept: [SignedCheckpoint]) -> StartOfNew? {
        guard let newest = kept.max(by: { $0.size < $1.size }), newest.size > 0, let tree = try? LogTree(folder),
            newest.size <= tree.size, tree.root(at: newest.size) == newest.root,
            let (place, skip) = tree.place(of: newest.size)
        else { return nil }
        return StartOfNew(tree, at: newest.size, place, skip)
    }

    private func read(_ scan: VerifyingScan, skip: Int, progress: ProgressHandler?) throws {
        let segments = try folder.segments()
        guard !segments.isEmpty else {
            throw AuditFailure(.inconsistent, "the log \(folder.segment(0).body) is gone")
        }
        let total = segments.reduce(0) { $0 + ((try? Files.size($1.body)) ?? 0) }
        var walk = LogWalk()
        var skip = skip
        defer { scan.tail = walk.tail }
        try walk.run(
            folder, from: scan.cursor.place, resuming: scan.size > 0, enter: { scan.enter($0) },
            pruned: { scan.take(pruned: $0) },
            take: { line in
                if skip > 0 {
                    skip -= 1
                    return
                }
                scan.take(line)
                if scan.size.isMultiple(of: 16384) {
                    progress?(Progress("verifying", bytes: scan.bytes, totalBytes: total))
                }
            })
    }

    private func judge(
        _ checkpoint: SignedCheckpoint?, _ options: VerifyOptions, by chain: KeyChain, _ key: VerifierKey,
        _ root: (Int) -> Digest?, _ time: (Int) -> Timestamp?, _ scan: VerifyingScan, _ verdict: inout LogVerdict
    ) {
        func hold(_ checkpoint: SignedCheckpoint, _ name: String, after sound: Int?) -> Bool {
            let size = checkpoint.size
            guard checkpoint.checkpoint.origin == key.name, chain.signed(checkpoint) else {
                verdict.find("\(name) of \(size) records is not signed by the key \(key.name)")
                return false
            }
            guard let found = root(size) else {
                verdict.find(
                    "\(name) signed \(size) records, and the log has only \(scan.size): it was cut or rolled back")
                return false
            }
            guard found == checkpoint.root else {
                let place = sound.map { $0 < size ? "; the first \($0) are unchanged" : "" } ?? ""
                verdict.find(
                    "\(name) signed other \(size) records than the log begins with: one was changed, added or "
                        + "removed\(place)")
                return false
            }
            return true
        }
        let held = options.kept.filter { hold($0.checkpoint, $0.from, after: nil) }
        let elsewhere = held.filter(\.isElsewhere)
        let newest = elsewhere.max { $0.checkpoint.size < $1.checkpoint.size }
        verdict.anchor = newest.map {
            LogVerdict.Anchor(size: $0.checkpoint.size, until: time($0.checkpoint.size), from: $0.from)
        }
        guard let checkpoint else { return }
        let isHeld = hold(checkpoint, "the checkpoint", after: newest?.checkpoint.size)
        let isSound = root(checkpoint.size) == checkpoint.root && scan.findingCount == 0
        if isSound { verdict.level = .consistent }
        if isSound, isHeld {
            verdict.level = elsewhere.isEmpty || held.count < options.kept.count ? .signed : .anchored
        }
        if verdict.level == .anchored, let until = verdict.anchor?.until,
            options.now.seconds(since: until) <= options.freshness
        {
            verdict.level = .fresh
        }
        if verdict.records > checkpoint.size {
            verdict.notes.append(
                "the last \(verdict.records - checkpoint.size) records are not signed yet: the next append does that")
        }
    }

    /// Says which record was changed where only the root shows that one was: the first whose hash is not the one on file.
    private func nameFirst(
        _ checkpoint: SignedCheckpoint?, _ scan: VerifyingScan, _ verdict: inout LogVerdict
    ) throws {
        guard let checkpoint, let root = scan.roots[checkpoint.size], root != checkpoint.root,
            Files.exists(folder.leaves)
        else { return }
        var (number, block): (Int, [Digest]) = (0, [])
        var changed: Int?
        func look(_ leaf: Digest) {
            let place = number % LogIndex.blockSize
            if place == 0 { block = LogIndex.leaves(ofBlock: number / LogIndex.blockSize, in: folder) }
            if changed == nil, place >= block.count || block[place] != leaf { changed = number }
            number += 1
        }
        var walk = LogWalk()
        try? walk.run(folder, pruned: { look($0) }, take: { look(MerkleHash.leaf($0)) })
        guard let changed, changed < checkpoint.size, changed < scan.findings.compactMap(\.record).min() ?? .max else {
            return
        }
        verdict.findings.insert(
            LogVerdict.Finding(record: changed, what: "is not the record that was written here: its hash was another"),
            at: 0)
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

/// The part of a log that need not be read again: its hashes have led to a root that was kept.
private struct StartOfNew {
    private let tree: LogTree
    private let size: Int
    let state: CompactTree
    let place: LogPlace
    /// How many records at the place to pass over.
    let skip: Int

    init(_ tree: LogTree, at size: Int, _ place: LogPlace, _ skip: Int) {
        self.tree = tree
        self.size = size
        state = tree.state(at: size)
        (self.place, self.skip) = (place, skip)
    }

    func root(at size: Int) -> Digest? {
        size <= self.size ? tree.root(at: size) : nil
    }

    /// The record, if its hash is the one that the tree holds.
    func record(_ number: Int) -> AuditRecord? {
        guard number < size, let line = try? tree.line(number), MerkleHash.leaf(line.span) == tree.leaf(number) else {
            return nil
        }
        return try? AuditRecord(parsing: line.span)
    }
}
