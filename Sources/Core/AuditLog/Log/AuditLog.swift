import Cryptography
import Platform
package import SystemPackage

/// The log of privileged acts of one account on one host: records are added, never changed, and anyone can check that.
///
/// Any number of processes may append at once. Reading needs no key: see `LogReader`.
package struct AuditLog: Sendable {
    package let folder: LogFolder
    private let source: AuditSource
    private let key: SignerKey
    private let limits: LogLimits
    private let spool: GlassSpool

    /// Opens the log in this folder, making it with a fresh key and origin when the folder is empty or not there.
    ///
    /// Whoever comes first makes it: `dbbackup init`, or any other program's first privileged act. A log is made whole or
    /// not at all, and one that lost some of its files is never made again: that is an error.
    package static func open(_ path: FilePath, as source: AuditSource, limits: LogLimits = LogLimits()) throws
        -> AuditLog
    {
        let folder = LogFolder(path)
        if try folder.isEmptyOrAbsent { try create(folder, source, limits) }
        guard Files.exists(folder.signerKey) else {
            throw AuditFailure(
                .inconsistent, "the audit log in \(path) has lost its key log.key", hint: keepEverything)
        }
        if Files.exists(folder.path.appending("log.vkey.new")) {
            try FileLock.holding(folder.lock, wait: true) { try completeRotation(folder) }
        }
        let key = try folder.readSignerKey()
        guard try folder.readVerifierKey() == key.verifier else {
            throw AuditFailure(
                .inconsistent, "log.key and log.vkey in \(path) do not belong together", hint: keepEverything)
        }
        return AuditLog(folder: folder, source: source, key: key, limits: limits, spool: GlassSpool(folder))
    }

    /// What verifies this log: give it to whoever will.
    package var verifier: VerifierKey { key.verifier }

    /// The newest signed checkpoint, for keeping somewhere else: every backup's manifest holds one.
    package func newestCheckpoint() throws -> String {
        try folder.readCheckpoint().encoded
    }

    /// Adds a record; when this returns, a crash cannot lose it.
    ///
    /// - Throws: a failure when it could not be written, or when the log is not what its checkpoint signed.
    @discardableResult
    package func append(_ event: AuditEvent) throws -> AuditEntry {
        try append([event])[0]
    }

    /// Adds several records under one lock, one fsync and one signature; none of them, or all.
    @discardableResult
    package func append(_ events: [AuditEvent]) throws -> [AuditEntry] {
        try append(batch: events)
    }

    /// Adds any number of records under one lock, one fsync and one signature; none of them, or all.
    ///
    /// For ingesting: hundreds of thousands in a second, in pieces of a few thousand.
    @discardableResult
    package func append(batch events: [AuditEvent]) throws -> [AuditEntry] {
        guard !events.isEmpty else { return [] }
        return try writing { try $0.append(events) }
    }

    /// Lends this process the log for a while: each record is durable when `append` returns, and one checkpoint covers all.
    ///
    /// Everybody else waits meanwhile, so keep it short. A crash in it loses no record: the next open completes the rest.
    package func session<Value>(_ body: (inout AuditSession) throws -> Value) throws -> Value {
        try writing { writer in
            var session = AuditSession(writer: writer)
            defer { writer = session.writer }
            let result = Result { try body(&session) }
            try session.writer.publish()
            return try result.get()
        }
    }

    /// Lends a writer to `body` while this process holds the log's lock.
    func writing<Value>(_ body: (inout LogWriter) throws -> Value) throws -> Value {
        try FileLock.holding(folder.lock, wait: true) {
            var writer = try LogWriter.open(folder, key: key, source: source, limits: limits)
            defer { writer.close() }
            let waiting = spool.takeable()
            writer.before += waiting.compactMap(\.event)
            let value = try body(&writer)
            // Only what an append took with it has gone from there.
            if writer.before.isEmpty { for one in waiting { try? Files.remove(one.path) } }
            return value
        }
    }

    private static func create(_ folder: LogFolder, _ source: AuditSource, _ limits: LogLimits) throws {
        let parent = folder.path.removingLastComponent()
        try Files.createDirectory(parent)
        let temporary = LogFolder(try Files.makeTemporaryDirectory(in: parent, prefix: ".audit"))
        do {
            try fill(temporary, source, limits)
            try Files.rename(temporary.path, to: folder.path)
        } catch {
            try? Files.removeTree(temporary.path)
            // Somebody else was faster: theirs is the log.
            if let failure = error as? FileFailure, [.directoryNotEmpty, .fileExists].contains(failure.code) { return }
            throw error
        }
        try Files.syncDirectory(parent)
    }

    private static func fill(_ folder: LogFolder, _ source: AuditSource, _ limits: LogLimits) throws {
        let key = SignerKey(name: source.freshOrigin, key: Ed25519.SigningKey.generate())
        var secret = key.encoded()
        defer { wipe(&secret) }
        try Files.write(secret, to: folder.signerKey, mode: [.ownerReadWrite])
        try Files.write(
            Array("\(key.verifier)\n".utf8), to: folder.verifierKey, mode: [.ownerReadWrite, .groupRead, .otherRead])
        var writer = try LogWriter.create(folder, key: key, source: source, limits: limits)
        defer { writer.close() }
        _ = try writer.append([AuditEvent(.logCreated, facts: ["verifierKey": .text(key.verifier.description)])])
        try Files.syncDirectory(folder.path)
    }
}

/// The log while one process has it to itself.
package struct AuditSession {
    fileprivate var writer: LogWriter

    @discardableResult
    package mutating func append(_ event: AuditEvent) throws -> AuditEntry {
        try writer.write([event])[0]
    }
}
