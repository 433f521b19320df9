import Cryptography
import FoundationEssentials
package import Platform
package import SystemPackage

/// Takes what PostgreSQL says about itself into the audit log, each line once.
///
/// Every batch of records goes in together with its receipt, so that a crash can neither lose lines nor take them twice.
package struct Ingest {
    package struct Options: Sendable {
        package var detail = StatementDetail.form
        package var superusers: Set<String> = ["postgres"]
        /// Seconds east of UTC, for logs whose time zone's name does not say.
        package var zone: Int?

        package init() {}
    }

    /// What one run did.
    package struct Summary: Equatable, Sendable {
        package var files = 0
        package var bytes = 0
        package var lines = 0
        package var records = 0
        package var findings = 0
        package var unreadable = 0
        /// Files that are no log in a known format, and those that say the same as another.
        package var passedOver: [String] = []
        /// What whoever runs it should know.
        package var warnings: [String] = []

        package init() {}
    }

    private let log: AuditLog
    private let store: IngestStore
    /// Two runs at once would take the same lines.
    private let lock: FileLock
    private let options: Options
    private let progress: ProgressHandler?
    private var memory: IngestMemory
    /// Writes one batch while the next one is being read.
    private let writing = BackgroundWork("ingest")
    package private(set) var summary = Summary()

    /// How many records go in at once: more where each batch writes down many sessions.
    private static func batchSize(_ memory: IngestMemory) -> Int { min(max(11_000, memory.sessions.count / 4), 25_000) }

    /// How much of a file is looked at before it counts as none that can be read.
    private static let patience = 8 << 20

    /// - Parameter folder: for the memory between runs; it can be lost, and is then made anew from the log.
    package init(
        into log: AuditLog, folder: FilePath, options: Options, progress: ProgressHandler? = nil
    ) throws {
        self.log = log
        self.options = options
        self.progress = progress
        store = IngestStore(folder: folder, log: log.folder)
        try Files.createDirectory(folder)
        lock = try FileLock(store.lock)
        memory = try store.load()
    }

    /// Takes what is new in a file, or in all files of a folder; those that are compressed need `takePacked`.
    package mutating func take(from place: FilePath) throws {
        let found = try files(in: place)
        summary.passedOver += found.passedOver.map(\.string)
        for path in found.plain { try take(ServerLogFile(path, receipts: memory.receipts), isOnly: isFile(place)) }
    }

    /// Takes what is new in compressed files: in the one that is named, or in those of a folder, which are older than the rest.
    package mutating func takePacked(from place: FilePath) async throws {
        for log in try files(in: place).packed where memory.packed?.contains(log.mark) != true {
            do {
                progress?(Progress("unpacking \(log.path)"))
                let unpacked = try await log.unpacked(in: store.folder)
                try take(ServerLogFile(log.path, unpacked: unpacked, receipts: memory.receipts), isOnly: isFile(place))
            } catch let failure as any Failure where !isFile(place) && failure.status == .unavailable {
                // One file that is damaged, or cannot be read here, must not keep the others waiting.
                guard failure is ChildFailure else {
                    summary.passedOver.append(log.path.string)
                    summary.warnings.append("\(failure.sentence): \(failure.hint ?? "")")
                    continue
                }
                var judge = ServerLogJudge(memory: memory, detail: options.detail, superusers: options.superusers)
                judge.find(
                    "lines-unreadable", nil, "\(log.path) cannot be unpacked: \(failure.sentence)",
                    ["file": .text(log.path.string)])
                summary.findings += judge.findings
                summary.passedOver.append(log.path.string)
                try self.log.append(batch: judge.takeEvents())
            }
            let packed = (memory.packed ?? []).union([log.mark])
            memory.packed = packed
            try store.keep(packed: packed)
        }
    }

    private func files(in place: FilePath) throws -> ServerLogPlaces.Found {
        guard Files.exists(place) else { throw FileFailure("open", place, .noSuchFileOrDirectory) }
        return try ServerLogPlaces.files(in: place)
    }

    private func isFile(_ place: FilePath) -> Bool { !Files.isDirectory(place) }

    private mutating func take(_ file: ServerLogFile, isOnly: Bool) throws {
        // Nothing is written any more once this has returned or thrown.
        defer { try? writing.finish() }
        let path = file.path
        guard file.identity.size > 0 else { return }
        guard let parser = try file.parser(zone: options.zone) else {
            guard !isOnly else {
                throw PlainFailure(
                    .malformed, "\(path) is no csvlog, jsonlog or log of pgaudit",
                    hint: "set log_destination = 'csvlog' or 'jsonlog'; stderr's format cannot be read without loss")
            }
            summary.passedOver.append(path.string)
            return
        }
        summary.files += 1
        var judge = ServerLogJudge(memory: memory, detail: options.detail, superusers: options.superusers)
        if let oddity = file.oddity { judge.find("file-changed", nil, oddity, ["file": .text(path.string)]) }
        var batch = Batch(file: file)
        if !judge.events.isEmpty { try append(&judge, &batch) }
        let content = file.content
        let (end, ahead) = (file.identity.size, WorkAhead<ServerLogPart>("read ahead"))
        try ahead.begin { [offset = batch.offset] in try ServerLogPart(content, from: offset, to: end, parser) }
        while let part = try ahead.take() {
            // A record that is being written has no end yet: the next run takes it.
            guard part.length > 0 else { break }
            let next = batch.offset + part.length
            if next < end { try ahead.begin { try ServerLogPart(content, from: next, to: end, parser) } }
            for line in part.lines {
                batch.lines += 1
                if let line { judge.take(line) } else { batch.unreadable += 1 }
            }
            let isUseless = batch.unreadable == batch.lines && batch.lines > 0 && batch.from == 0
            guard !isUseless || next < min(end, Self.patience) else {
                throw PlainFailure(
                    .malformed, "not one line of \(path) can be read",
                    hint: "where log_timezone has a name that means several things, say --utc-offset +05:30")
            }
            batch.hasher.update(part.bytes.span.extracting(0..<part.length))
            batch.offset = next
            if judge.events.count >= Self.batchSize(judge.memory) { try append(&judge, &batch) }
            progress?(Progress("taking \(path)", bytes: batch.offset, totalBytes: end))
        }
        judge.settle(before: Timestamp.now().advanced(bySeconds: -5))
        if batch.lines > 0 || !judge.events.isEmpty { try append(&judge, &batch) }
        try writing.finish()
    }

    /// What goes in at once.
    private struct Batch {
        let file: ServerLogFile
        var from: Int
        var offset: Int
        var lines = 0
        var unreadable = 0
        var hasher = SHA256()

        init(file: ServerLogFile) {
            self.file = file
            from = file.offset
            offset = file.offset
        }
    }

    private mutating func append(_ judge: inout ServerLogJudge, _ batch: inout Batch) throws {
        if batch.unreadable > 0 {
            judge.find(
                "lines-unreadable", nil, "\(batch.unreadable) lines of \(batch.file.path) cannot be read",
                ["file": .text(batch.file.path.string), "unreadable": .number(batch.unreadable)])
        }
        summary.unreadable += batch.unreadable
        summary.lines += batch.lines
        summary.bytes += batch.offset - batch.from
        summary.findings = summary.findings + judge.findings
        let receipt = try batch.file.receipt(at: batch.offset)
        var events = judge.takeEvents()
        summary.records += events.count
        events.append(Self.event(receipt, batch, records: events.count))
        judge.memory.receipts.removeAll { old in
            old.head == receipt.head && old.headLength == receipt.headLength
                // Of the same file when it was too young for a whole head.
                || old.inode == receipt.inode && old.path == receipt.path && old.headLength < FileReceipt.edge
        }
        judge.memory.receipts.append(receipt)
        judge.memory.tidy()
        memory = judge.memory
        try writing.begin { [events, memory, store, log] in
            try store.append(events, to: log, remembering: memory)
        }
        judge = ServerLogJudge(memory: memory, detail: options.detail, superusers: options.superusers)
        batch.from = batch.offset
        batch.lines = 0
        batch.unreadable = 0
        batch.hasher = SHA256()
    }

    private static func event(_ receipt: FileReceipt, _ batch: Batch, records: Int) -> AuditEvent {
        let hasher = batch.hasher
        return AuditEvent(
            .logIngest,
            facts: [
                "file": .text(receipt.path), "inode": .number(Int(truncatingIfNeeded: receipt.inode)),
                "head": .text(receipt.head), "head_bytes": .number(receipt.headLength),
                "from": .number(batch.from), "offset": .number(receipt.offset), "tail": .text(receipt.tail),
                "sha256": .text(hasher.finished().hex), "lines": .number(batch.lines), "records": .number(records),
            ])
    }
}

extension Ingest {
    /// A row of `dbauth.events`, in PostgreSQL's own text form.
    package struct LoginEvent: Sendable {
        package var id: Int
        package var transaction: String
        package var at: Timestamp
        package var action: String
        package var outcome: String
        package var reason: String?
        package var account: String?
        package var identifierHash: String?
        package var session: String?
        package var address: String?
        package var role: String

        package init(
            id: Int, transaction: String, at: Timestamp, action: String, outcome: String, reason: String?,
            account: String?, identifierHash: String?, session: String?, address: String?, role: String
        ) {
            self.id = id
            self.transaction = transaction
            self.at = at
            self.action = action
            self.outcome = outcome
            self.reason = reason
            self.account = account
            self.identifierHash = identifierHash
            self.session = session
            self.address = address
            self.role = role
        }
    }

    /// The last row that was taken from this database, as its transaction and number; nil before the first.
    package func lastLogin(system: String, database: String) throws -> (transaction: String, id: Int)? {
        let receipt = memory.receipts.last { $0.path == Self.name(system, database) }
        return receipt.map { ($0.tail, $0.offset) }
    }

    private static func name(_ system: String, _ database: String) -> String { "dbauth.events \(system) \(database)" }

    /// Takes rows that come after the last receipt, in their order, with a receipt of their own.
    package mutating func take(_ rows: [LoginEvent], system: String, database: String) throws {
        guard let last = rows.last else { return }
        let target = AuditTarget(system: system, database: database)
        var events = rows.map { Self.event($0, target) }
        summary.lines += rows.count
        summary.records += events.count
        let name = Self.name(system, database)
        let digest = SHA256.hash(Array(rows.map { "\($0.transaction) \($0.id)" }.joined(separator: "\n").utf8))
        events.append(
            AuditEvent(
                .logIngest, target: target,
                facts: [
                    "table": "dbauth.events", "transaction": .text(last.transaction), "row": .number(last.id),
                    "records": .number(rows.count), "sha256": .text(digest.hex),
                ]))
        var next = memory
        next.receipts.removeAll { $0.path == name }
        next.receipts.append(
            FileReceipt(path: name, inode: 0, headLength: -1, head: name, offset: last.id, tail: last.transaction))
        next.tidy()
        try store.append(events, to: log, remembering: next)
        memory = next
    }

    private static func event(_ row: LoginEvent, _ target: AuditTarget) -> AuditEvent {
        var facts: [String: AuditFact] = [
            "at": .text(row.at.description), "event": .text(row.action.beginning(100)), "row": .number(row.id),
        ]
        facts["account"] = row.account.map { .text($0) }
        facts["identifier_hash"] = row.identifierHash.map { .text($0) }
        facts["session"] = row.session.map { .text($0) }
        return AuditEvent(
            .authEvent, outcome: AuditRecord.Outcome(rawValue: row.outcome), reason: row.reason, role: row.role,
            target: target, facts: facts, sensitive: row.address.map { ["address": $0] } ?? [:])
    }
}
