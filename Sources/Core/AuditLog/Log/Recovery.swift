import Cryptography
import Glibc
import Platform
import SystemPackage

extension LogWriter {
    /// Makes head and checkpoint again from the log, after checking that it still begins with what the checkpoint signed.
    ///
    /// Bytes that a crash left after the last record are set aside in a file of their own. Both are put on record.
    static func recover(
        _ folder: LogFolder, _ key: SignerKey, _ source: AuditSource, _ limits: LogLimits,
        from checkpoint: SignedCheckpoint
    ) throws -> LogWriter {
        let wasWhole = LogHead.read(folder).map { $0.size == checkpoint.size } ?? false
        let hadIndex = Files.exists(folder.leaves)
        let found = try LogScan.run(folder, checkpoint: checkpoint)
        // Without a head, a crash from here on leads back to this place.
        try? Files.remove(folder.head)
        try removeLeftovers(folder)
        try LogIndex.cut(folder, to: found.cursor.size)
        var writer = try LogWriter(continuing: folder, key: key, source: source, limits: limits, at: found.cursor)
        do {
            if found.tailBytes > 0 { try writer.setAside(from: found.cursor.place.offset) }
            // A log of an earlier version has all but its index: that is no news.
            let isOnlyIndex =
                wasWhole && !hadIndex && found.cursor.size == checkpoint.size && found.isSameFile
            try writer.report(completed: found.cursor.size - checkpoint.size, checkpoint, isOnlyIndex: isOnlyIndex)
        } catch {
            writer.close()
            throw error
        }
        return writer
    }

    private mutating func report(completed: Int, _ checkpoint: SignedCheckpoint, isOnlyIndex: Bool) throws {
        let torn = try Files.list(folder.path).filter { $0.hasPrefix("torn-") && $0.hasSuffix(unrecorded) }
        var events = try torn.map(tornEvent)
        // A torn tail alone needs no second record: nothing but the head had to be made again.
        if completed > 0 || (torn.isEmpty && !isOnlyIndex) {
            events.append(
                AuditEvent(
                    .logRecovered,
                    facts: ["checkpointSize": .number(checkpoint.size), "recordsCompleted": .number(completed)]))
        }
        if events.isEmpty { try seal() } else { _ = try append(events) }
        for name in torn {
            try Files.rename(
                folder.path.appending(name), to: folder.path.appending(String(name.dropLast(unrecorded.count))))
        }
    }

    /// Copies the bytes after the last record into `torn-<time>-<n>`, and cuts them off the log.
    private func setAside(from offset: Int) throws {
        let label = Timestamp.now().label
        let taken = try Files.list(folder.path)
        let number = (0...).first { number in !taken.contains { $0.hasPrefix("torn-\(label)-\(number)") } } ?? 0
        let sink = try FileSink(creating: folder.path.appending("torn-\(label)-\(number)\(unrecorded)"))
        try copy(from: path, offset: offset, into: sink)
        try sink.finish()
        try Files.syncDirectory(folder.path)
        try truncate(to: offset)
    }

    private func tornEvent(_ name: String) throws -> AuditEvent {
        let bytes = HashingSink(into: DiscardingSink())
        try copy(from: folder.path.appending(name), into: bytes)
        try bytes.finish()
        return AuditEvent(
            .logTorn,
            facts: [
                "bytes": .number(bytes.count), "file": .text(String(name.dropLast(unrecorded.count))),
                "sha256": .text(bytes.digest?.hex ?? ""),
            ])
    }

    /// Removes the temporary files of writers that were killed.
    private static func removeLeftovers(_ folder: LogFolder) throws {
        for name in try Files.list(folder.path) where name.hasPrefix(".") && name.hasSuffix(".partial") {
            try Files.remove(folder.path.appending(name))
        }
    }
}

/// How a torn tail is named until the log tells of it.
private let unrecorded = ".new"

/// What a log turns out to hold when it is read up to its end.
struct LogScan {
    /// The tree over every whole record, and where the next one goes.
    var cursor = LogCursor()
    /// Bytes after the last whole record.
    var tailBytes = 0
    /// Whether the head names the file that is there.
    var isSameFile = false

    /// Reads from the last blocks that the index names where those lead to the checkpoint, and everything where not.
    ///
    /// - Throws: `AuditFailure.inconsistent` when the log does not begin with what the checkpoint signed.
    static func run(_ folder: LogFolder, checkpoint: SignedCheckpoint) throws -> LogScan {
        let index = LogIndex.read(folder)
        // One block more than would do, so that bytes which were moved cannot pass for a torn tail.
        let blocks = min(checkpoint.size / LogIndex.blockSize - 1, index.entries.count)
        if blocks > 0, let (tree, place) = index.state(blocks: blocks),
            let scan = try? run(folder, checkpoint, from: LogCursor(tree: tree, place: place))
        {
            return scan
        }
        return try run(folder, checkpoint, from: LogCursor())
    }

    /// Writes the index on its way: it is compared with a signed root whenever it is used.
    private static func run(
        _ folder: LogFolder, _ checkpoint: SignedCheckpoint, from start: LogCursor
    ) throws -> LogScan {
        var cursor = start
        var rootThen = checkpoint.size == 0 ? MerkleHash.empty : nil
        var (broken, path): (Int?, FilePath) = (nil, folder.path)
        var leftover = 0
        var leaves: [Digest] = []
        func writeIndex() throws {
            try LogIndex.write(
                leaves, from: cursor.size - leaves.count, completing: cursor.takeCompleted(), to: folder)
            leaves.removeAll(keepingCapacity: true)
        }
        func take(_ leaf: Digest, bytes: Int) throws {
            cursor.append(leaf, bytes: bytes)
            leaves.append(leaf)
            if leaves.count == 4096 { try writeIndex() }
            if cursor.size == checkpoint.size { rootThen = cursor.tree.root }
        }
        var walk = LogWalk()
        try walk.run(
            folder, from: start.place,
            enter: {
                cursor.enter($0.number)
                path = $0.body
            }, pruned: { try take($0, bytes: 0) },
            take: { line in
                if let broken {
                    throw AuditFailure(
                        .inconsistent, "record \(broken) of \(path) is not one, and others follow it",
                        hint: keepEverything)
                }
                // A write that a power cut tore may have kept its end and lost its middle: only the last line can be that.
                if cursor.size >= checkpoint.size, (try? RecordOutline(parsing: line))?.seq != cursor.size {
                    broken = cursor.size
                    leftover = line.count + 1
                    return
                }
                try take(MerkleHash.leaf(line), bytes: line.count + 1)
            })
        guard Files.exists(folder.segment(cursor.place.segment).body) else {
            throw AuditFailure(
                .inconsistent,
                "the audit log \(folder.segment(cursor.place.segment).body) is gone, although its checkpoint signed "
                    + "\(checkpoint.size) records", hint: keepEverything)
        }
        guard let rootThen else {
            throw AuditFailure(
                .inconsistent,
                "the audit log \(path) holds \(cursor.size) records, although its checkpoint signed "
                    + "\(checkpoint.size): it was cut", hint: keepEverything)
        }
        guard rootThen == checkpoint.root else {
            throw AuditFailure(
                .inconsistent,
                "the first \(checkpoint.size) records of \(path) are not those that its checkpoint signed",
                hint: keepEverything)
        }
        try writeIndex()
        let facts = try? path.stat()
        let head = LogHead.read(folder)
        return LogScan(
            cursor: cursor, tailBytes: leftover + walk.tail,
            isSameFile: facts.map { UInt64($0.inode.rawValue) } == head?.inode)
    }
}
