import Cryptography
import FoundationEssentials
import Platform
package import SystemPackage

/// The files of one log, by name; `Documentation/audit-log.md` describes each.
package struct LogFolder: Equatable, Sendable {
    package let path: FilePath

    package init(_ path: FilePath) {
        self.path = path
    }

    /// The records, one a line.
    package var log: FilePath { path.appending("log-000000.jsonl") }
    /// The signed head of the tree.
    package var checkpoint: FilePath { path.appending("checkpoint") }
    /// What an append must know without reading the log; can be made again from the log at any time.
    package var head: FilePath { path.appending("head") }
    package var verifierKey: FilePath { path.appending("log.vkey") }
    package var signerKey: FilePath { path.appending("log.key") }
    package var lock: FilePath { path.appending("lock") }

    package var isEmptyOrAbsent: Bool {
        get throws { try !Files.exists(path) || Files.list(path).isEmpty }
    }

    /// The key that stands beside the log: good against mistakes, not against whoever could write both.
    package func readVerifierKey() throws -> VerifierKey {
        try readable(verifierKey) { try VerifierKey(parsing: String(decoding: $0, as: UTF8.self)) }
    }

    package func readSignerKey() throws -> SignerKey {
        var bytes = try Files.readSecret(signerKey, limit: 4096)
        return try naming(signerKey) { try SignerKey(parsing: &bytes) }
    }

    package func readCheckpoint() throws -> SignedCheckpoint {
        try Self.readCheckpoint(checkpoint)
    }

    /// A checkpoint from wherever it was kept.
    package static func readCheckpoint(_ path: FilePath) throws -> SignedCheckpoint {
        try LogFolder(path).readable(path) { try SignedCheckpoint(parsing: $0) }
    }

    private func readable<Value>(_ file: FilePath, _ parse: ([UInt8]) throws -> Value) throws -> Value {
        let bytes = try Files.read(file, limit: 1 << 20)
        return try naming(file) { try parse(bytes) }
    }

    private func naming<Value>(_ file: FilePath, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let failure as AuditFailure {
            throw AuditFailure(failure.code, "cannot read \(file): \(failure.sentence)", hint: failure.hint)
        }
    }
}

/// What an append must know: the tree's state, and which file of which length it describes.
struct LogHead: Codable, Equatable {
    var v = 1
    let size: Int
    let bytes: Int
    let device: UInt64
    let inode: UInt64
    let subtrees: [Digest]

    /// Nil when there is none, or none that makes sense: the log itself knows better anyway.
    static func read(_ folder: LogFolder) -> LogHead? {
        guard let bytes = try? Files.read(folder.head, limit: 1 << 16) else { return nil }
        guard let head = try? JSONDecoder().decode(LogHead.self, from: Data(bytes)), head.v == 1 else { return nil }
        return head
    }

    func write(_ folder: LogFolder) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        try Files.write(Array(try encoder.encode(self)) + [lineFeed], to: folder.head, durable: false)
    }
}
