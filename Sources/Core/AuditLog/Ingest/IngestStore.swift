import FoundationEssentials
import Platform
import SystemPackage

/// Keeps what ingesting remembers beside the log, in step with it.
///
/// The memory of a batch is written before the batch, under the name `next`; that the batch's receipt stands in the log
/// makes it the memory that counts, whatever crashed when.
struct IngestStore: Sendable {
    let folder: FilePath
    let log: LogFolder

    private var current: FilePath { folder.appending("memory.json") }
    private var next: FilePath { folder.appending("memory.next.json") }
    var lock: FilePath { folder.appending("lock") }

    func load() throws -> IngestMemory {
        let known = read(current)
        let started = read(next)
        // Receipts that came after what is known: one at most, unless the memory was lost or is an old copy.
        let place = known.flatMap { memory in
            memory.segment.isEmpty ? nil : ReadingPlace(file: log.path.appending(memory.segment), offset: memory.offset)
        }
        let receipts = try newest(from: place)
        if let started, receipts.last?.batch == started.batch { return started }
        var memory = known ?? IngestMemory()
        if let last = receipts.last, last.batch != memory.batch {
            // The lines' numbers are unknown from here on; what is known of sessions would give false alarms.
            memory.sessions = [:]
            memory.began = Timestamp.now()
            memory.batch = last.batch
        }
        for receipt in receipts {
            memory.receipts.removeAll { $0.head == receipt.file.head && $0.headLength == receipt.file.headLength }
            memory.receipts.append(receipt.file)
        }
        return memory
    }

    /// Remembers what no record depends on, beside what the last batch left.
    func keep(packed: Set<String>) throws {
        var memory = read(current) ?? IngestMemory()
        memory.packed = packed
        try Files.write(memory.encoded(), to: current)
    }

    /// - Parameter events: the last of them is the receipt.
    func append(_ events: consuming [AuditEvent], to log: AuditLog, remembering memory: IngestMemory) throws {
        var memory = memory
        memory.batch = UUIDv7.make(at: Timestamp.now())
        if let file = try self.log.bodies.last {
            memory.segment = file.lastComponent?.string ?? ""
            memory.offset = try FileIdentity(of: file).size
        }
        events[events.count - 1].facts["batch"] = .text(memory.batch)
        try Files.write(memory.encoded(), to: next)
        try log.append(events)
        try Files.rename(next, to: current)
    }

    private func read(_ path: FilePath) -> IngestMemory? {
        guard let bytes = try? Files.read(path, limit: 256 << 20) else { return nil }
        guard let memory = try? JSONDecoder().decode(IngestMemory.self, from: Data(bytes)), memory.version == 1 else {
            return nil
        }
        return memory
    }

    /// The receipts that the log itself holds, oldest first.
    private func newest(from place: ReadingPlace?) throws -> [(batch: String, file: FileReceipt)] {
        var filter = RecordFilter()
        filter.actions = [AuditAction.logIngest.rawValue]
        let found = try LogReader(log.path).search(filter, last: 10_000, from: place)
        return found.lines.compactMap { line in
            guard let record = try? AuditRecord(parsing: line.span), let facts = record.facts else { return nil }
            func text(_ name: String) -> String? { if case .text(let text) = facts[name] { text } else { nil } }
            func number(_ name: String) -> Int? { if case .number(let number) = facts[name] { number } else { nil } }
            guard let batch = text("batch") else { return nil }
            if let transaction = text("transaction"), let row = number("row") {
                let target = record.target ?? AuditTarget()
                let name = "dbauth.events \(target.system ?? "") \(target.database ?? "")"
                return (
                    batch,
                    FileReceipt(path: name, inode: 0, headLength: -1, head: name, offset: row, tail: transaction)
                )
            }
            guard let path = text("file"), let head = text("head"), let length = number("head_bytes"),
                let offset = number("offset"), let tail = text("tail")
            else { return nil }
            return (
                batch,
                FileReceipt(
                    path: path, inode: UInt64(number("inode") ?? 0), headLength: length, head: head, offset: offset,
                    tail: tail)
            )
        }
    }
}
