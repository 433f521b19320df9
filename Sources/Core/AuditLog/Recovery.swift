import Cryptography
import Glibc
import Platform
import SystemPackage

extension LogWriter {
    /// Makes head and checkpoint again from the log, after checking that it still begins with what the checkpoint signed.
    ///
    /// Bytes that a crash left after the last record are set aside in a file of their own. Both are put on record.
    mutating func recover(from checkpoint: SignedCheckpoint) throws {
        let found = try LogScan.run(folder, checkpoint: checkpoint)
        // Without a head, a crash from here on leads back to this place.
        try? Files.remove(folder.head)
        try removeLeftovers()
        tree = found.tree
        byteCount = found.recordBytes
        if found.tailBytes > 0 {
            try setAside(from: found.recordBytes)
        }
        let torn = try Files.list(folder.path).filter { $0.hasPrefix("torn-") && $0.hasSuffix(unrecorded) }
        let completed = tree.size - checkpoint.size
        var events = try torn.map(tornEvent)
        // A torn tail alone needs no second record: nothing but the head had to be made again.
        if completed > 0 || torn.isEmpty {
            events.append(
                AuditEvent(
                    .logRecovered,
                    facts: ["checkpointSize": .number(checkpoint.size), "recordsCompleted": .number(completed)]))
        }
        _ = try append(events)
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
        let tail = SkippingSink(first: offset, into: sink)
        try copy(from: folder.log, into: tail)
        try tail.finish()
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
    private func removeLeftovers() throws {
        for name in try Files.list(folder.path) where name.hasPrefix(".") && name.hasSuffix(".partial") {
            try Files.remove(folder.path.appending(name))
        }
    }
}

/// How a torn tail is named until the log tells of it.
private let unrecorded = ".new"

/// What a log turns out to hold when it is read from the start.
struct LogScan {
    /// The tree over every whole record.
    var tree = CompactTree()
    var recordBytes = 0
    /// Bytes after the last whole record.
    var tailBytes = 0

    /// - Throws: `AuditFailure.inconsistent` when the log does not begin with what the checkpoint signed.
    static func run(_ folder: LogFolder, checkpoint: SignedCheckpoint) throws -> LogScan {
        var tree = CompactTree()
        var recordBytes = 0
        var rootThen = checkpoint.size == 0 ? MerkleHash.empty : nil
        var broken: Int?
        let splitter = LineSplitter { line in
            if let broken {
                throw AuditFailure(
                    .inconsistent, "record \(broken) of \(folder.log) is not one, and others follow it",
                    hint: keepEverything)
            }
            // A write that a power cut tore may have kept its end and lost its middle: only the last line can be that.
            if tree.size >= checkpoint.size, (try? RecordOutline(parsing: line))?.seq != tree.size {
                broken = tree.size
                return
            }
            tree.append(MerkleHash.leaf(line))
            recordBytes += line.count + 1
            if tree.size == checkpoint.size { rootThen = tree.root }
        }
        try copy(from: folder.log, into: splitter)
        guard let rootThen else {
            throw AuditFailure(
                .inconsistent,
                "the audit log \(folder.log) holds \(tree.size) records, although its checkpoint signed "
                    + "\(checkpoint.size): it was cut", hint: keepEverything)
        }
        guard rootThen == checkpoint.root else {
            throw AuditFailure(
                .inconsistent,
                "the first \(checkpoint.size) records of \(folder.log) are not those that its checkpoint signed",
                hint: keepEverything)
        }
        return LogScan(
            tree: tree, recordBytes: recordBytes, tailBytes: splitter.lineBytes + splitter.tail - recordBytes)
    }
}
