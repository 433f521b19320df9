import Cryptography
import Glibc
import Platform
import SystemPackage

/// Appends to a log while somebody holds its lock; never outlives that.
struct LogWriter {
    let folder: LogFolder
    let key: SignerKey
    let source: AuditSource
    let limits: LogLimits
    private(set) var file: FileDescriptor
    /// The tree over all records, and where the next one goes.
    var cursor: LogCursor
    /// What goes into the log before whatever else does: what was found out on the way here.
    var before: [AuditEvent] = []
    /// What the index does not have yet.
    private var leaves: [Digest] = []
    private var blocks: [LogCursor.Block] = []

    /// Appends events so that, when this returns, they are durable and the checkpoint covers them.
    ///
    /// - Throws: a failure, and then none of them counts as recorded.
    mutating func append(_ events: [AuditEvent]) throws -> [AuditEntry] {
        let entries = try write(events)
        try publish()
        return entries
    }

    /// Makes events durable; head and checkpoint lag behind until `publish`, and a crash in between is put right later.
    mutating func write(_ events: [AuditEvent]) throws -> [AuditEntry] {
        try beginSegmentWhenFull()
        let first = segmentRecord.map { [$0] + before } ?? before
        var grown = cursor
        var lines = JSONLine()
        lines.bytes.reserveCapacity(768 * (first.count + events.count))
        var values: [SealedValues] = []
        var entries: [AuditEntry] = []
        entries.reserveCapacity(first.count + events.count)
        var new: [Digest] = []
        new.reserveCapacity(first.count + events.count)
        var ids = UUIDv7()
        let writer = RecordWriter(source)
        for number in 0..<first.count + events.count {
            let event = number < first.count ? first[number] : events[number - first.count]
            let start = lines.bytes.count
            let (entry, sealed) = try write(event, by: writer, seq: grown.size, &ids, into: &lines)
            let leaf = MerkleHash.leaf(lines.bytes.span.extracting(start..<lines.bytes.count))
            lines.bytes.append(lineFeed)
            grown.append(leaf, bytes: lines.bytes.count - start)
            new.append(leaf)
            entries.append(entry)
            if let sealed { values.append(sealed) }
        }
        // The values first: a record whose values are missing would look as if somebody had erased them.
        if !values.isEmpty { try usingReserve { try write(values) } }
        try usingReserve { try writeDurably(lines.bytes) }
        blocks += grown.takeCompleted()
        leaves += new
        cursor = grown
        before = []
        guard leaves.count >= 4096 else { return Array(entries.dropFirst(first.count)) }
        try usingReserve { try writeIndex() }
        leaves = []
        blocks = []
        return Array(entries.dropFirst(first.count))
    }

    /// Brings index, checkpoint and head to what was written.
    mutating func publish() throws {
        try usingReserve {
            try writeIndex()
            try seal()
        }
        leaves = []
        blocks = []
    }

    private func writeIndex() throws {
        try LogIndex.write(leaves, from: cursor.size - leaves.count, completing: blocks, to: folder)
    }

    /// The event as a record and its line; facts that make it too long are left out, and counted.
    private func write(
        _ event: AuditEvent, by writer: RecordWriter, seq: Int, _ ids: inout UUIDv7, into lines: inout JSONLine
    ) throws -> (AuditEntry, SealedValues?) {
        let start = lines.bytes.count
        let (entry, values) = writer.write(event, seq: seq, &ids, into: &lines)
        let length = lines.bytes.count - start
        if length <= AuditRecord.byteLimit { return (entry, values) }
        lines.bytes.removeLast(length)
        var event = event
        let count = (event.writtenFacts?.count ?? event.facts.count) + event.sensitive.count
        event.writtenFacts = nil
        event.facts = ["omittedFacts": .number(count)]
        event.sensitive = [:]
        let (shorter, fewer) = writer.write(event, seq: seq, &ids, into: &lines)
        guard lines.bytes.count - start <= AuditRecord.byteLimit else {
            throw PlainFailure(.internalError, "a record for the audit log has \(length) bytes: that is too long")
        }
        return (shorter, fewer)
    }

    /// Publishes checkpoint and head for what the log holds now.
    ///
    /// Without fsync: after a power cut an older checkpoint may be back, which the next open completes from the log.
    func seal() throws {
        let facts = try inspect()
        let tree = cursor.tree
        let checkpoint = Checkpoint(origin: key.verifier.name, size: tree.size, root: tree.root)
        let signed = Array(SignedCheckpoint(checkpoint, signedBy: key).encoded.utf8)
        try Files.write(
            signed, to: folder.checkpoint, mode: [.ownerReadWrite, .groupRead, .otherRead], durable: false)
        let head = LogHead(
            size: tree.size, segment: cursor.place.segment, bytes: cursor.place.offset,
            device: UInt64(facts.deviceID.rawValue), inode: UInt64(facts.inode.rawValue),
            checkpoint: SHA256.hash(signed),
            subtrees: tree.subtrees)
        try head.write(folder)
    }

    var path: FilePath { folder.segment(cursor.place.segment).body }

    func inspect() throws -> Stat {
        do {
            return try file.stat()
        } catch {
            throw FileFailure("inspect", path, error)
        }
    }

    /// Cuts the current part of the log after `count` bytes.
    func truncate(to count: Int) throws {
        _ = try system("cut", path) { ftruncate(file.rawValue, count) }
        _ = try system("write", path) { fsync(file.rawValue) }
    }

    func close() {
        try? file.close()
    }

    private func writeDurably(_ lines: [UInt8]) throws {
        do {
            do {
                try file.writeAll(lines)
            } catch let code as Errno {
                throw FileFailure("write", path, code)
            }
            _ = try system("write", path) { fsync(file.rawValue) }
        } catch {
            // What was refused must not stand in the log; if this fails too, the next open sets it aside.
            try? truncate(to: cursor.place.offset)
            throw error
        }
    }

    private func write(_ values: [SealedValues]) throws {
        var keys = try ValuesKeys.read(folder)
        let segment = cursor.place.segment
        let key = try keys.current(segment, folder)
        var lines: [UInt8] = []
        for value in values {
            lines += try value.encoded(key, origin: self.key.verifier.name)
            lines.append(lineFeed)
        }
        let path = folder.segment(segment).values
        let isNew = !Files.exists(path)
        // What a crash or a full disk cut off must not swallow the line after it.
        let size = isNew ? 0 : try Files.size(path)
        if size > 0, try Files.read(path, offset: size - 1, count: 1) != [lineFeed] { lines.insert(lineFeed, at: 0) }
        let file = try Files.open(path, .writeOnly, options: [.append, .create], permissions: [.ownerReadWrite])
        defer { try? file.close() }
        do {
            try file.writeAll(lines)
        } catch let code as Errno {
            throw FileFailure("write", path, code)
        }
        _ = try system("write", path) { fsync(file.rawValue) }
        if isNew { try Files.syncDirectory(folder.path) }
    }

    /// Does it again with the room that is kept for a full disk.
    private func usingReserve(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let failure as FileFailure where failure.code == .noSpace {
            guard let size = try? Files.size(folder.reserve), size > 0 else { throw failure }
            try Files.empty(folder.reserve)
            try body()
        }
    }
}

extension LogWriter {
    /// Opens the log for appending: at once when head, checkpoint and file agree, after a recovery when a crash parted them.
    ///
    /// - Throws: `AuditFailure.inconsistent` when the log is not what its checkpoint signed: nothing is laundered.
    static func open(
        _ folder: LogFolder, key: SignerKey, source: AuditSource, limits: LogLimits
    ) throws -> LogWriter {
        let head = LogHead.read(folder)
        let checkpoint = try requireCheckpoint(folder, signedBy: key.verifier, known: head?.checkpoint)
        var writer = try resume(folder, key, source, limits, head, at: checkpoint)
        if writer == nil { writer = try recover(folder, key, source, limits, from: checkpoint) }
        // Neither returns without one.
        guard var writer else { fatalError("no log was opened") }
        writer.keepReserve()
        return writer
    }

    /// A log that begins.
    static func create(
        _ folder: LogFolder, key: SignerKey, source: AuditSource, limits: LogLimits
    ) throws -> LogWriter {
        let file = try Files.open(
            folder.segment(0).body, .writeOnly, options: [.append, .create, .exclusiveCreate],
            permissions: [.ownerReadWrite])
        var writer = LogWriter(
            folder: folder, key: key, source: source, limits: limits, file: file, cursor: LogCursor())
        writer.keepReserve()
        return writer
    }

    init(
        continuing folder: LogFolder, key: SignerKey, source: AuditSource, limits: LogLimits, at cursor: LogCursor
    ) throws {
        self.folder = folder
        self.key = key
        self.source = source
        self.limits = limits
        self.cursor = cursor
        file = try Files.open(folder.segment(cursor.place.segment).body, .writeOnly, options: .append)
    }

    /// Takes the head's word when it describes this very file and ends in what the checkpoint signed.
    private static func resume(
        _ folder: LogFolder, _ key: SignerKey, _ source: AuditSource, _ limits: LogLimits, _ head: LogHead?,
        at checkpoint: SignedCheckpoint
    ) throws -> LogWriter? {
        guard let head, let tree = CompactTree(size: head.size, subtrees: head.subtrees),
            tree.size == checkpoint.size, tree.root == checkpoint.root,
            Files.exists(folder.segment(head.segment).body), !Files.exists(folder.segment(head.segment + 1).body)
        else { return nil }
        let place = LogPlace(segment: head.segment, offset: head.bytes)
        let writer = try LogWriter(
            continuing: folder, key: key, source: source, limits: limits, at: LogCursor(tree: tree, place: place))
        do {
            let facts = try writer.inspect()
            let indexBytes = (try? Files.size(folder.index)) ?? 0
            let leafBytes = (try? Files.size(folder.leaves)) ?? 0
            if leafBytes == head.size * Digest.byteCount, head.bytes == Int(facts.size),
                head.device == UInt64(facts.deviceID.rawValue),
                head.inode == UInt64(facts.inode.rawValue), indexBytes == LogIndex.byteCount(for: head.size)
            {
                return writer
            }
        } catch {
            writer.close()
            throw error
        }
        writer.close()
        return nil
    }

    /// Goes on in a new file once the current one is long enough.
    private mutating func beginSegmentWhenFull() throws {
        guard cursor.place.offset >= limits.segmentBytes else { return }
        let next = folder.segment(cursor.place.segment + 1)
        let opened = try Files.open(
            next.body, .writeOnly, options: [.append, .create], permissions: [.ownerReadWrite])
        do {
            try Files.syncDirectory(folder.path)
        } catch {
            try? opened.close()
            throw error
        }
        try? file.close()
        file = opened
        cursor.enter(next.number)
    }

    /// Every part but the first begins with what came before it, so that one that is missing or swapped shows by itself.
    private var segmentRecord: AuditEvent? {
        guard cursor.place.offset == 0, cursor.place.segment > 0 else { return nil }
        return AuditEvent(
            .logSegment,
            facts: [
                "segment": .number(cursor.place.segment), "previousSize": .number(cursor.size),
                "previousRoot": .text(cursor.tree.root.hex),
            ])
    }

    /// Sets room aside, and puts on record when it had to be used.
    private mutating func keepReserve() {
        guard limits.reserveBytes > 0 else { return }
        let size = try? Files.size(folder.reserve)
        guard size != limits.reserveBytes else { return }
        // On a full disk this fails, and the record must still be written: there may be just enough room for it.
        guard (try? Files.reserve(folder.reserve, size: limits.reserveBytes)) != nil else { return }
        if size == 0 { before.append(AuditEvent(.logReserve, facts: ["bytes": .number(limits.reserveBytes)])) }
    }

    /// - Parameter known: the hash of a checkpoint whose signature this account has made itself.
    private static func requireCheckpoint(
        _ folder: LogFolder, signedBy key: VerifierKey, known: Digest?
    ) throws -> SignedCheckpoint {
        guard Files.exists(folder.checkpoint) else {
            throw AuditFailure(
                .inconsistent, "the checkpoint \(folder.checkpoint) is gone", hint: keepEverything)
        }
        var isKnown = false
        let checkpoint = try folder.readable(folder.checkpoint) {
            isKnown = SHA256.hash($0) == known
            return try SignedCheckpoint(parsing: $0)
        }
        // Whose signature it is must be looked at all the same: another process may have replaced the key meanwhile.
        let isOwn = checkpoint.note.signatures.contains { $0.name == key.name && $0.keyID == key.keyID }
        guard isOwn, isKnown || checkpoint.isSigned(by: key), checkpoint.checkpoint.origin == key.name else {
            throw AuditFailure(
                .inconsistent, "the checkpoint \(folder.checkpoint) is not signed by this log's key",
                hint: keepEverything)
        }
        return checkpoint
    }
}

/// How long a file of the log grows, and how much room is kept for a full disk.
package struct LogLimits: Equatable, Sendable {
    package var segmentBytes: Int
    package var reserveBytes: Int

    package init(segmentBytes: Int = 64 << 20, reserveBytes: Int = 1 << 20) {
        self.segmentBytes = segmentBytes
        self.reserveBytes = reserveBytes
    }
}

/// What to do when a log and its checkpoint contradict each other.
let keepEverything =
    "nothing is appended until a person has looked: keep a copy of the folder, run dbaudit verify, and put back the "
    + "newest copies you have"
