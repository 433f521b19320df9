import Cryptography
import Platform
package import SystemPackage

/// One file of a server's log, and how much of it has been taken.
package struct ServerLogFile: Sendable {
    package let path: FilePath
    /// Where its lines are read: elsewhere than under its name when it was compressed.
    let content: FilePath
    let identity: FileIdentity
    /// Where to go on.
    private(set) var offset = 0
    /// Why what was taken before does not fit this file, when it does not.
    private(set) var oddity: String?

    /// Knows a file again by its content, since rotation gives it other names, and copies get other inodes.
    init(_ path: FilePath, unpacked: UnpackedLog? = nil, receipts: [FileReceipt]) throws {
        self.path = path
        content = unpacked?.path ?? path
        identity = try FileIdentity(of: content)
        var heads: [Int: String] = [:]
        let sameHead = try receipts.filter { receipt in
            guard receipt.headLength > 0, receipt.headLength <= identity.size else { return false }
            let head = try heads[receipt.headLength] ?? hash(0..<receipt.headLength)
            heads[receipt.headLength] = head
            return head == receipt.head
        }
        // Of several the newest; the others are copies that were left behind.
        for receipt in sameHead.sorted(by: { $0.offset > $1.offset }) where receipt.offset <= identity.size {
            guard try hash(max(0, receipt.offset - FileReceipt.edge)..<receipt.offset) == receipt.tail else {
                oddity = "\(path) was changed after its first \(receipt.offset) bytes were taken"
                continue
            }
            offset = receipt.offset
            oddity = nil
            return
        }
        if let receipt = sameHead.first(where: { $0.offset > identity.size }), oddity == nil {
            // Cut off, not rotated: a rotated file begins with other lines.
            offset = identity.size
            oddity = "\(path) has \(identity.size) bytes, and \(receipt.offset) of it were taken: lines were cut off"
        }
    }

    /// The format, from the first record.
    func parser(zone: Int?) throws -> ServerLogParser? {
        var parser: ServerLogParser?
        do {
            try forEachLineBlock(of: content, in: 0..<min(identity.size, 1 << 20)) { lines, _, stop in
                parser = ServerLogParser(beginning: lines, offset: zone)
                stop = true
            }
        } catch let failure as any Failure where failure.status == .malformed {
            // Not one line in so many megabytes: that is no log.
            return nil
        }
        return parser
    }

    func receipt(at offset: Int) throws -> FileReceipt {
        let headLength = min(offset, FileReceipt.edge)
        return FileReceipt(
            path: path.string, inode: identity.inode, headLength: headLength, head: try hash(0..<headLength),
            offset: offset, tail: try hash(max(0, offset - FileReceipt.edge)..<offset))
    }

    private func hash(_ range: Range<Int>) throws -> String {
        SHA256.hash(try Files.read(content, range)).hex
    }
}

/// The lines of a part of a log, read and taken apart.
struct ServerLogPart: Sendable {
    /// Nil for one that cannot be read.
    private(set) var lines: [ServerLogLine?] = []
    private(set) var bytes: [UInt8] = []
    /// How many of the bytes these lines are; none when there is no whole line.
    private(set) var length = 0

    private static let size = 1 << 18
    private static let longest = 8 << 20

    init(_ path: FilePath, from start: Int, to end: Int, _ parser: ServerLogParser) throws {
        guard start < end else { return }
        var size = Self.size
        var found: [ServerLogLine?] = []
        defer { lines = found }
        while true {
            bytes = try Files.read(path, start..<min(start + size, end))
            found.reserveCapacity(bytes.count / 256)
            length = try parser.parse(bytes.span) { found.append($0) }
            // A long record may need more room.
            guard length == 0, size < Self.longest, start + size < end else { return }
            size *= 2
        }
    }
}

extension SHA256 {
    /// The hash of all bytes so far.
    func finished() -> Digest {
        var copy = self
        return copy.finish()
    }
}

/// Which files a place names: the file itself, or all logs of a folder, in the order in which they were written.
enum ServerLogPlaces {
    struct Found {
        /// Those that were compressed, the oldest first: all of them are older than the others.
        var packed: [PackedLog] = []
        var plain: [FilePath] = []
        /// Those that say the same as another.
        var passedOver: [FilePath] = []
    }

    /// How old a compressed file must be: what compresses it gives it the time of the log as its last act.
    private static let settled = 60_000_000_000

    static func files(in path: FilePath) throws -> Found {
        guard Files.isDirectory(path) else {
            guard Files.isRegular(path) else {
                throw PlainFailure(
                    .malformed, "\(path) is no regular file: only those can be gone on with where one stopped",
                    hint: "write what it says to a file, and name that")
            }
            let packed = try PackedLog(path)
            return Found(packed: packed.map { [$0] } ?? [], plain: packed == nil ? [path] : [])
        }
        let names = try Files.list(path).filter { name in
            !name.hasPrefix(".") && Files.isRegular(path.appending(name))
                && [".csv", ".json", ".log"].contains { name.hasSuffix($0) || name.contains("\($0).") }
        }
        let all = Set(names.map(unpackedName))
        var found = Found()
        var packed: [(modified: Int, log: PackedLog)] = []
        let now = Int(Timestamp.now().microseconds) * 1000
        for name in names {
            let file = path.appending(name)
            // A server may write csvlog and jsonlog side by side: the same lines twice.
            let twin = unpackedName(name).replacing(".csv", with: ".json")
            if name.contains(".csv"), all.contains(twin) {
                found.passedOver.append(file)
            } else if let log = try PackedLog(file) {
                let modified = try Files.modified(file)
                if now - modified > settled { packed.append((modified, log)) }
            } else {
                found.plain.append(file)
            }
        }
        found.packed = packed.sorted { ($0.modified, $0.log.path.string) < ($1.modified, $1.log.path.string) }.map(
            \.log)
        let begun = try found.plain.map { (try begin(of: $0), try Files.modified($0), $0) }
        found.plain = begun.sorted { ($0.0, $0.1, $0.2.string) < ($1.0, $1.1, $1.2.string) }.map(\.2)
        return found
    }

    private static func unpackedName(_ name: String) -> String {
        PackedLog.endings.first { name.hasSuffix($0) }.map { String(name.dropLast($0.count)) } ?? name
    }

    /// The time in a log's first line: a file that was rotated away begins before the one in its place.
    private static func begin(of path: FilePath) throws -> Timestamp {
        let bytes = try Files.read(path, 0..<1 << 16)
        var first: Timestamp?
        let parser = ServerLogParser(beginning: bytes.span)
        _ = try parser?.parse(bytes.span) { line in if first == nil { first = line?.time } }
        return first ?? Timestamp(microseconds: 0)
    }
}
