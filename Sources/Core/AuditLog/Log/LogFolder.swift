import Cryptography
import Platform
package import SystemPackage

/// The files of one log, by name; `Documentation/audit-log.md` describes each.
package struct LogFolder: Equatable, Sendable {
    package let path: FilePath

    package init(_ path: FilePath) {
        self.path = path
    }

    /// The signed head of the tree.
    package var checkpoint: FilePath { path.appending("checkpoint") }
    /// What an append must know without reading the log; can be made again from the log at any time.
    package var head: FilePath { path.appending("head") }
    /// The hash and the place of every 256 records; can be made again from the log at any time.
    package var index: FilePath { path.appending("index") }
    /// The leaf hashes of all records, 32 bytes each: all that is kept of records that were given up.
    package var leaves: FilePath { path.appending("leaves") }
    package var verifierKey: FilePath { path.appending("log.vkey") }
    package var signerKey: FilePath { path.appending("log.key") }
    /// What opens the sensitive values.
    package var valuesKey: FilePath { path.appending("values.key") }
    package var lock: FilePath { path.appending("lock") }
    /// Room that is given up when the disk is full, so that even this can be put on record.
    package var reserve: FilePath { path.appending("reserve") }

    package var isEmptyOrAbsent: Bool {
        get throws { try !Files.exists(path) || Files.list(path).isEmpty }
    }

    package func segment(_ number: Int) -> LogSegment {
        LogSegment(number: number, folder: path)
    }

    /// The parts of the log in their order; the first ones may have been given up.
    ///
    /// - Throws: `AuditFailure.inconsistent` when one in between is gone.
    package func segments() throws -> [LogSegment] {
        let numbers = Set(try Files.list(path).compactMap { LogSegment.number(of: $0) })
        guard let first = numbers.min(), let last = numbers.max() else { return [] }
        for number in first...last where !numbers.contains(number) {
            throw AuditFailure(
                .inconsistent, "the log's part \(segment(number).body) is gone, although later ones are there",
                hint: keepEverything)
        }
        return (first...last).map { segment($0) }
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

    func readable<Value>(_ file: FilePath, _ parse: ([UInt8]) throws -> Value) throws -> Value {
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

/// One file of a log: a range of the one tree, which the next file goes on with.
package struct LogSegment: Equatable, Sendable {
    package let number: Int
    fileprivate let folder: FilePath

    /// The records, one a line.
    package var body: FilePath { folder.appending("log-\(label).jsonl") }
    /// The sensitive values of the records, encrypted.
    package var values: FilePath { folder.appending("values-\(label).jsonl") }

    private var label: String { String("\(1_000_000 + number)".dropFirst()) }

    fileprivate static func number(of name: String) -> Int? {
        guard name.hasPrefix("log-"), name.hasSuffix(".jsonl") else { return nil }
        let digits = name.dropFirst(4).dropLast(6)
        guard digits.utf8.count == 6, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(digits)
    }
}
