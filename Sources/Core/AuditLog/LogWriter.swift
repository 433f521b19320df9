import Cryptography
import FoundationEssentials
import Glibc
import Platform
import SystemPackage

/// Appends to a log while somebody holds its lock; never outlives that.
struct LogWriter {
    let folder: LogFolder
    let key: SignerKey
    let source: AuditSource
    let file: FileDescriptor
    /// The tree over all records, and the bytes they take.
    var tree: CompactTree
    var byteCount: Int

    /// Appends events so that, when this returns, they are durable and the checkpoint covers them.
    ///
    /// - Throws: a failure, and then none of them counts as recorded.
    mutating func append(_ events: [AuditEvent]) throws -> [AuditEntry] {
        var grown = tree
        var lines: [UInt8] = []
        var entries: [AuditEntry] = []
        for event in events {
            let (record, line) = try line(event, seq: grown.size)
            grown.append(MerkleHash.leaf(line.span))
            lines += line
            lines.append(lineFeed)
            entries.append(AuditEntry(seq: record.seq, id: record.id))
        }
        try writeDurably(lines)
        tree = grown
        byteCount += lines.count
        try seal()
        return entries
    }

    /// The event as a record and its line; facts that make it too long are left out, and counted.
    private func line(_ event: AuditEvent, seq: Int) throws -> (AuditRecord, [UInt8]) {
        let record = source.record(event, seq: seq)
        let line = try record.encoded()
        if line.count <= AuditRecord.byteLimit { return (record, line) }
        var event = event
        event.facts = ["omittedFacts": .number(event.facts.count)]
        let shorter = source.record(event, seq: seq)
        let shorterLine = try shorter.encoded()
        guard shorterLine.count <= AuditRecord.byteLimit else {
            throw PlainFailure(.internalError, "a record for the audit log has \(line.count) bytes: that is too long")
        }
        return (shorter, shorterLine)
    }

    /// Publishes checkpoint and head for what the log holds now.
    ///
    /// Without fsync: after a power cut an older checkpoint may be back, which the next open completes from the log.
    func seal() throws {
        let facts = try inspect()
        let checkpoint = Checkpoint(origin: key.verifier.name, size: tree.size, root: tree.root)
        let signed = SignedCheckpoint(checkpoint, signedBy: key)
        try Files.write(
            Array(signed.encoded.utf8), to: folder.checkpoint, mode: [.ownerReadWrite, .groupRead, .otherRead],
            durable: false)
        let head = LogHead(
            size: tree.size, bytes: byteCount, device: UInt64(facts.deviceID.rawValue),
            inode: UInt64(facts.inode.rawValue), subtrees: tree.subtrees)
        try head.write(folder)
    }

    func inspect() throws -> Stat {
        do {
            return try file.stat()
        } catch {
            throw FileFailure("inspect", folder.log, error)
        }
    }

    /// Cuts the log after `count` bytes.
    func truncate(to count: Int) throws {
        _ = try system("cut", folder.log) { ftruncate(file.rawValue, count) }
        _ = try system("write", folder.log) { fsync(file.rawValue) }
    }

    private func writeDurably(_ lines: [UInt8]) throws {
        do {
            do {
                try file.writeAll(lines)
            } catch let code as Errno {
                throw FileFailure("write", folder.log, code)
            }
            _ = try system("write", folder.log) { fsync(file.rawValue) }
        } catch {
            // What was refused must not stand in the log; if this fails too, the next open sets it aside.
            try? truncate(to: byteCount)
            throw error
        }
    }
}

extension LogWriter {
    /// Opens the log for appending: at once when head, checkpoint and file agree, after a recovery when a crash parted them.
    ///
    /// - Throws: `AuditFailure.inconsistent` when the log is not what its checkpoint signed: nothing is laundered.
    static func open(_ folder: LogFolder, key: SignerKey, source: AuditSource) throws -> LogWriter {
        let checkpoint = try requireCheckpoint(folder, signedBy: key.verifier)
        guard Files.exists(folder.log) else {
            throw AuditFailure(
                .inconsistent,
                "the audit log \(folder.log) is gone, although its checkpoint signed \(checkpoint.size) records",
                hint: keepEverything)
        }
        let file = try Files.open(folder.log, .writeOnly, options: .append)
        var writer = LogWriter(
            folder: folder, key: key, source: source, file: file, tree: CompactTree(), byteCount: 0)
        do {
            if try !writer.resume(at: checkpoint) { try writer.recover(from: checkpoint) }
        } catch {
            writer.close()
            throw error
        }
        return writer
    }

    func close() {
        try? file.close()
    }

    /// Takes the head's word when it describes this very file and ends in what the checkpoint signed.
    private mutating func resume(at checkpoint: SignedCheckpoint) throws -> Bool {
        let facts = try inspect()
        guard let head = LogHead.read(folder), head.bytes == Int(facts.size),
            head.device == UInt64(facts.deviceID.rawValue), head.inode == UInt64(facts.inode.rawValue),
            let tree = CompactTree(size: head.size, subtrees: head.subtrees), tree.size == checkpoint.size,
            tree.root == checkpoint.root
        else { return false }
        self.tree = tree
        byteCount = head.bytes
        return true
    }

    private static func requireCheckpoint(
        _ folder: LogFolder, signedBy key: VerifierKey
    ) throws -> SignedCheckpoint {
        guard Files.exists(folder.checkpoint) else {
            throw AuditFailure(
                .inconsistent, "the checkpoint \(folder.checkpoint) is gone", hint: keepEverything)
        }
        let checkpoint = try folder.readCheckpoint()
        guard checkpoint.isSigned(by: key) else {
            throw AuditFailure(
                .inconsistent, "the checkpoint \(folder.checkpoint) is not signed by this log's key",
                hint: keepEverything)
        }
        return checkpoint
    }
}

/// What to do when a log and its checkpoint contradict each other.
let keepEverything =
    "nothing is appended until a person has looked: keep a copy of the folder, run dbaudit verify, and put back the "
    + "newest copies you have"
