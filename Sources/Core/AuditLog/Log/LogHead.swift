import Cryptography
import FoundationEssentials
import Platform
import SystemPackage

/// What an append must know: the tree's state, and which file of which length it describes.
///
/// Rewritten in place, since only whoever holds the log's lock reads it: a line of numbers, the hash of the checkpoint and of
/// each subtree, and spaces up to one page. Torn by a power cut it makes no sense, and is made again from the log.
struct LogHead: Equatable {
    let size: Int
    /// The part of the log that is written to, and the bytes of its records.
    let segment: Int
    let bytes: Int
    let device: UInt64
    let inode: UInt64
    /// SHA-256 of the checkpoint that was signed with it; absent in heads of an earlier version.
    var checkpoint: Digest?
    let subtrees: [Digest]

    private static let mark = "dbsec-head-3"
    private static let pageBytes = 4096

    /// Nil when there is none, or none that makes sense: the log itself knows better anyway.
    static func read(_ folder: LogFolder) -> LogHead? {
        guard let bytes = try? Files.read(folder.head, limit: 1 << 16) else { return nil }
        if bytes.first == UInt8(ascii: "{") { return earlier(bytes) }
        let words = bytes.split { $0 == lineFeed || $0 == UInt8(ascii: " ") }
        func number<Number: FixedWidthInteger>(_ index: Int) -> Number? {
            Number(String(decoding: words[index], as: UTF8.self))
        }
        guard words.count >= 7, Array(words[0]) == Array(mark.utf8), let size: Int = number(1),
            let segment: Int = number(2), let place: Int = number(3), let device: UInt64 = number(4),
            let inode: UInt64 = number(5)
        else { return nil }
        let digests = words[6...].compactMap { Digest(hex: String(decoding: $0, as: UTF8.self)) }
        guard digests.count == words.count - 6 else { return nil }
        return LogHead(
            size: size, segment: segment, bytes: place, device: device, inode: inode, checkpoint: digests[0],
            subtrees: Array(digests.dropFirst()))
    }

    func write(_ folder: LogFolder) throws {
        var text = "\(Self.mark) \(size) \(segment) \(bytes) \(device) \(inode)\n\(checkpoint?.hex ?? "")\n"
        for subtree in subtrees { text += "\(subtree.hex)\n" }
        var page = Array(text.utf8)
        page += Array(repeating: UInt8(ascii: " "), count: max(0, Self.pageBytes - page.count))
        if Files.exists(folder.head), (try? Files.size(folder.head)) != Self.pageBytes { try Files.remove(folder.head) }
        let file = try Files.open(folder.head, .writeOnly, options: [.create], permissions: [.ownerReadWrite])
        defer { try? file.close() }
        do {
            try file.writeAll(toAbsoluteOffset: 0, page)
        } catch let code as Errno {
            throw FileFailure("write", folder.head, code)
        }
    }

    /// The form of a log in one file.
    private static func earlier(_ bytes: [UInt8]) -> LogHead? {
        struct Earlier: Decodable {
            let v: Int
            let size: Int
            let bytes: Int
            let device: UInt64
            let inode: UInt64
            let subtrees: [Digest]
        }
        guard let head = try? JSONDecoder().decode(Earlier.self, from: Data(bytes)), head.v == 1 else { return nil }
        return LogHead(
            size: head.size, segment: 0, bytes: head.bytes, device: head.device, inode: head.inode,
            subtrees: head.subtrees)
    }
}
