import Platform

/// Writes the data of an archive into another one while it streams by: of the wanted entries, under their new numbers.
///
/// The front of the new archive stands before it. Rows are packed into larger frames than pg_dump's, one each.
struct ArchiveCopier: ArchiveConsumer {
    private let numbers: [Int: Int]
    private let integerSize: Int
    private let sink: any ByteSink
    private var isWanted = false
    private var frame: [UInt8] = []
    private static let frameSize = 1 << 17

    /// - Parameter numbers: from an entry's number in the archive that is read to its number in the one that is written.
    init(_ numbers: [Int: Int], integerSize: Int, into sink: any ByteSink) {
        self.numbers = numbers
        self.integerSize = integerSize
        self.sink = sink
        frame.reserveCapacity(Self.frameSize * 2)
    }

    func begin(_ toc: ArchiveTOC) {}

    mutating func beginData(of entry: ArchiveTOC.Entry) throws {
        let number = numbers[entry.dumpID]
        isWanted = number != nil
        guard let number else { return }
        // BLK_DATA and BLK_BLOBS of src/bin/pg_dump/pg_backup_custom.c.
        try write([entry.kind == "BLOBS" ? 3 : 1], number)
    }

    mutating func data(_ bytes: Span<UInt8>) throws {
        guard isWanted else { return }
        frame.append(bytes)
        if frame.count >= Self.frameSize { try flush() }
    }

    mutating func endData() throws {
        guard isWanted else { return }
        try flush()
        try write([], 0)
        isWanted = false
    }

    mutating func beginLargeObject(_ oid: UInt32) throws {
        if isWanted { try write([], Int(Int32(bitPattern: oid))) }
    }

    mutating func endLargeObject() throws {
        guard isWanted else { return }
        try flush()
        try write([], 0)
    }

    private mutating func flush() throws {
        guard !frame.isEmpty else { return }
        try write([], frame.count)
        try sink.write(frame.span)
        frame.removeAll(keepingCapacity: true)
    }

    private func write(_ prefix: [UInt8], _ number: Int) throws {
        var bytes = prefix
        bytes.appendNumber(number, size: integerSize)
        try sink.write(bytes.span)
    }
}

/// Two that want to know of the same archive.
struct BothConsumers<First: ArchiveConsumer, Second: ArchiveConsumer>: ArchiveConsumer {
    private(set) var first: First
    private(set) var second: Second

    init(_ first: First, _ second: Second) {
        self.first = first
        self.second = second
    }

    mutating func begin(_ toc: ArchiveTOC) throws {
        try first.begin(toc)
        try second.begin(toc)
    }

    mutating func beginData(of entry: ArchiveTOC.Entry) throws {
        try first.beginData(of: entry)
        try second.beginData(of: entry)
    }

    mutating func data(_ bytes: Span<UInt8>) throws {
        try first.data(bytes)
        try second.data(bytes)
    }

    mutating func endData() throws {
        try first.endData()
        try second.endData()
    }

    mutating func beginLargeObject(_ oid: UInt32) throws {
        try first.beginLargeObject(oid)
        try second.beginLargeObject(oid)
    }

    mutating func endLargeObject() throws {
        try first.endLargeObject()
        try second.endLargeObject()
    }
}
