import Cryptography
package import Platform
package import SystemPackage

extension LogReader {
    /// Writes the log as C2SP tlog-tiles: static files that any web server can hand to any client of that format.
    ///
    /// - Returns: how many files were written.
    package func exportTiles(to target: FilePath, progress: ProgressHandler? = nil) throws -> Int {
        let checkpoint = try folder.readCheckpoint()
        guard try folder.prunedCount(folder.segments()) == 0 else {
            throw AuditFailure(
                .inconsistent, "the log's first records were given up: tiles with entries cannot be made of it",
                hint: "prove and consistency still work")
        }
        var exporter = TileExporter(target: target, size: checkpoint.size)
        var walk = LogWalk()
        var tree = CompactTree()
        try walk.run(
            folder, pruned: { _ in },
            take: { line in
                guard tree.size < checkpoint.size else { return }
                tree.append(MerkleHash.leaf(line))
                try exporter.add(line)
                if tree.size.isMultiple(of: 65536) {
                    progress?(Progress("exporting", bytes: tree.size, totalBytes: checkpoint.size))
                }
            })
        guard tree.root == checkpoint.root else {
            throw AuditFailure(
                .inconsistent, "the log does not hold what its checkpoint signed: the tiles are worth nothing",
                hint: "run dbaudit verify")
        }
        try exporter.finish()
        // Last, as a log that is being served does it: who sees the checkpoint finds the tiles.
        try Files.write(
            Array(checkpoint.encoded.utf8), to: target.appending("checkpoint"),
            mode: [.ownerReadWrite, .groupRead, .otherRead])
        return exporter.written + 1
    }
}

/// Collects 256 hashes or entries at a time and writes each full tile, and at the end the partial ones.
private struct TileExporter {
    private let target: FilePath
    private let size: Int
    private(set) var written = 0
    private var entries: [UInt8] = []
    private var levels: [(hashes: [Digest], number: Int)] = [([], 0)]
    private var folders: Set<FilePath> = []

    init(target: FilePath, size: Int) {
        (self.target, self.size) = (target, size)
    }

    mutating func add(_ line: Span<UInt8>) throws {
        guard line.count <= 65535 else {
            throw AuditFailure(.inconsistent, "a record of \(line.count) bytes does not fit into a tile")
        }
        entries.append(UInt8(line.count >> 8))
        entries.append(UInt8(line.count & 0xFF))
        entries.append(line)
        let number = levels[0].number
        if levels[0].hashes.count == 255 {
            try write(entries, "entries", number, width: 256)
            entries.removeAll(keepingCapacity: true)
        }
        try push(MerkleHash.leaf(line), level: 0)
    }

    mutating func finish() throws {
        for (level, state) in levels.enumerated() where !state.hashes.isEmpty {
            if level == 0 { try write(entries, "entries", state.number, width: state.hashes.count) }
            try write(state.hashes.flatMap(\.bytes), "\(level)", state.number, width: state.hashes.count)
        }
    }

    private mutating func push(_ hash: Digest, level: Int) throws {
        if level == levels.count { levels.append(([], 0)) }
        levels[level].hashes.append(hash)
        guard levels[level].hashes.count == 256 else { return }
        let full = levels[level].hashes
        try write(full.flatMap(\.bytes), "\(level)", levels[level].number, width: 256)
        levels[level] = ([], levels[level].number + 1)
        var tree = CompactTree()
        for hash in full { tree.append(hash) }
        try push(tree.root, level: level + 1)
    }

    private mutating func write(_ bytes: [UInt8], _ kind: String, _ number: Int, width: Int) throws {
        // 1234067 is x001/x234/067; a tile that is not full says how wide it is.
        var groups = [String("\(1000 + number % 1000)".dropFirst())]
        var rest = number / 1000
        while rest > 0 {
            groups.insert("x" + "\(1000 + rest % 1000)".dropFirst(), at: 0)
            rest /= 1000
        }
        var path = target.appending("tile").appending(kind)
        for group in groups.dropLast() { path.append(group) }
        let last = groups[groups.count - 1]
        if width < 256 {
            path.append("\(last).p")
            path.append("\(width)")
        } else {
            path.append(last)
        }
        let folder = path.removingLastComponent()
        if folders.insert(folder).inserted { try Files.createDirectory(folder) }
        try Files.write(bytes, to: path, mode: [.ownerReadWrite, .groupRead, .otherRead], durable: false)
        written += 1
    }
}
