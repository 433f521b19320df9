@testable import Backups

/// Writes archives in pg_dump's custom format by its rules, and against them where a test wants that.
struct ArchiveWriter {
    var minor: UInt8 = 14
    var integerSize = 4
    private(set) var entries: [[UInt8]] = []
    private(set) var blocks: [UInt8] = []

    init(minor: UInt8 = 14) {
        self.minor = minor
    }

    mutating func add(
        _ number: Int, _ kind: String, _ tag: String, definition: String = "", copy: String? = nil,
        dependencies: [Int] = [], hasData: Bool = false
    ) {
        var entry = integer(number) + integer(hasData ? 1 : 0) + string("0") + string("16384")
        entry += string(tag) + string(kind) + integer(3) + string(definition) + string("") + string(copy)
        entry += string("public") + string(nil) + string("heap")
        if minor >= 16 { entry += integer(0) }
        entry += string("ann") + string("false")
        for dependency in dependencies { entry += string(String(dependency)) }
        entry += string(nil) + [1] + Array(repeating: 0, count: 8)
        entries.append(entry)
    }

    /// A table with its rows, each row framed by itself as pg_dump does, or cut where `frames` says.
    mutating func addTable(
        _ number: Int, _ name: String, columns: String = " (id, name)", rows: [String], end: String = "\\.\n\n\n",
        frames: Int? = nil
    ) {
        add(number, "TABLE DATA", name, copy: "COPY public.\(name)\(columns) FROM stdin;\n", hasData: true)
        blocks += [1] + integer(number)
        let lines = rows.map { Array("\($0)\n".utf8) } + [Array(end.utf8)]
        if let frames {
            let all = Array(lines.joined())
            for start in stride(from: 0, to: all.count, by: frames) {
                addFrame(Array(all[start..<min(start + frames, all.count)]))
            }
        } else {
            for line in lines where !line.isEmpty { addFrame(line) }
        }
        blocks += integer(0)
    }

    mutating func addLargeObjects(_ number: Int, _ objects: [(oid: Int, bytes: [UInt8])]) {
        add(number, "BLOBS", "BLOBS", hasData: true)
        blocks += [3] + integer(number)
        for object in objects {
            blocks += integer(object.oid)
            if !object.bytes.isEmpty { addFrame(object.bytes) }
            blocks += integer(0)
        }
        blocks += integer(0)
    }

    var bytes: [UInt8] {
        var header: [UInt8] = Array("PGDMP".utf8) + [1, minor, 0, UInt8(integerSize), 8, 1]
        header += minor >= 15 ? [0] : integer(0)
        for _ in 0..<7 { header += integer(1) }
        header += string("app") + string("15.18") + string("15.18")
        return header + integer(entries.count) + entries.joined() + blocks
    }

    private mutating func addFrame(_ frame: [UInt8]) {
        blocks += integer(frame.count) + frame
    }

    private func integer(_ value: Int) -> [UInt8] {
        let magnitude = UInt64(value.magnitude)
        return [value < 0 ? 1 : 0] + (0..<integerSize).map { UInt8(truncatingIfNeeded: magnitude >> (8 * UInt64($0))) }
    }

    private func string(_ text: String?) -> [UInt8] {
        guard let text else { return integer(-1) }
        return integer(text.utf8.count) + Array(text.utf8)
    }
}

/// Reads an archive in pieces of a size.
func readArchive(
    _ bytes: [UInt8], piece: Int = 1 << 16, orders: [TableName: [String]] = [:], tocLimit: Int = 1 << 20
) throws -> (index: ContentIndex, toc: ArchiveTOC?) {
    let reader = ArchiveReader(ContentIndexer(orders: orders), tocLimit: tocLimit)
    for start in stride(from: 0, to: bytes.count, by: piece) {
        try reader.write(bytes.span.extracting(start..<min(start + piece, bytes.count)))
    }
    try reader.finish()
    return (reader.consumer.index, reader.toc)
}

extension ContentIndex {
    func table(_ name: String) -> Table? {
        tables.first { $0.name.name == name }
    }
}
