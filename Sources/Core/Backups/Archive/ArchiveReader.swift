package import Platform

/// What someone wants to know of an archive that streams by.
package protocol ArchiveConsumer {
    /// The table of contents, before any data.
    mutating func begin(_ toc: ArchiveTOC) throws
    /// The data of this entry follows, until `endData`.
    mutating func beginData(of entry: ArchiveTOC.Entry) throws
    /// More of a table's COPY text or of a large object's bytes; where it is cut means nothing.
    mutating func data(_ bytes: Span<UInt8>) throws
    mutating func endData() throws
    /// A large object follows, until `endLargeObject`.
    mutating func beginLargeObject(_ oid: UInt32) throws
    mutating func endLargeObject() throws
}

/// Reads pg_dump's custom format (`-Fc -Z0`) while it streams by, and passes every byte on unchanged.
///
/// A stream that is cut anywhere, also between two blocks, or that is damaged in a way that shows, is an error. Memory is
/// bounded by the table of contents; data is never kept.
package final class ArchiveReader<Consumer: ArchiveConsumer>: ByteSink {
    private var parser: ArchiveParser<Consumer>
    private let next: (any ByteSink)?

    package init(_ consumer: Consumer, into next: (any ByteSink)? = nil, tocLimit: Int = 1 << 28) {
        parser = ArchiveParser(consumer, tocLimit: tocLimit)
        self.next = next
    }

    /// The consumer with all that it has seen.
    package var consumer: Consumer { parser.consumer }

    /// The table of contents, once it has gone by.
    package var toc: ArchiveTOC? { parser.toc }

    package func write(_ bytes: Span<UInt8>) throws {
        try parser.take(bytes)
        try next?.write(bytes)
    }

    package func finish() throws {
        try parser.finish()
        try next?.finish()
    }
}

/// The state machine behind `ArchiveReader`: first the table of contents, then blocks of framed data.
struct ArchiveParser<Consumer: ArchiveConsumer> {
    private(set) var consumer: Consumer
    private(set) var toc: ArchiveTOC?

    private enum Step {
        case preamble
        case blockType
        case blockNumber(ofLargeObjects: Bool)
        case largeObject
        case frame
        case bytes(Int)
        case failed
    }

    private var step = Step.preamble
    private var preamble: Preamble
    private var number: FramedNumber
    private var inLargeObjects = false
    /// Entries whose data has not come yet: number of the entry -> place in the table of contents.
    private var awaited: [Int: Int] = [:]

    init(_ consumer: Consumer, tocLimit: Int) {
        self.consumer = consumer
        preamble = Preamble(limit: tocLimit)
        number = FramedNumber(size: 4)
    }

    mutating func take(_ bytes: Span<UInt8>) throws {
        do {
            var position = 0
            while position < bytes.count { try advance(bytes, &position) }
        } catch {
            step = .failed
            throw error
        }
    }

    func finish() throws {
        guard case .blockType = step, let toc else { throw PlainFailure.archive("it is cut off") }
        if let missing = awaited.values.min() {
            let entry = toc.entries[missing]
            throw PlainFailure.archive("it is cut off before \(entry.kind) \"\(entry.tag)\"")
        }
    }

    private mutating func advance(_ bytes: Span<UInt8>, _ position: inout Int) throws {
        switch step {
        case .preamble:
            guard let rest = try preamble.take(bytes) else {
                position = bytes.count
                return
            }
            position = bytes.count - rest
            try begin()
        case .blockType:
            switch bytes[position] {
            case 1: step = .blockNumber(ofLargeObjects: false)
            case 3: step = .blockNumber(ofLargeObjects: true)
            default: throw PlainFailure.archive("a block of kind \(bytes[position])")
            }
            position += 1
        case .blockNumber(let ofLargeObjects):
            guard let value = try number.take(bytes, &position) else { return }
            try beginBlock(value, ofLargeObjects: ofLargeObjects)
        case .largeObject:
            guard let value = try number.take(bytes, &position) else { return }
            try beginLargeObject(value)
        case .frame:
            guard let length = try number.take(bytes, &position) else { return }
            guard length >= 0 else { throw PlainFailure.archive("a frame of \(length) bytes") }
            if length == 0 { try endFrames() } else { step = .bytes(length) }
        case .bytes(let remaining):
            let count = min(remaining, bytes.count - position)
            try consumer.data(bytes.extracting(position..<position + count))
            position += count
            step = count == remaining ? .frame : .bytes(remaining - count)
        case .failed:
            throw PlainFailure.archive("reading went on after an error")
        }
    }

    private mutating func begin() throws {
        let toc = try preamble.finish()
        for (index, entry) in toc.entries.enumerated() where entry.hasData {
            guard awaited.updateValue(index, forKey: entry.dumpID) == nil else {
                throw PlainFailure.archive("two entries have the number \(entry.dumpID)")
            }
        }
        number = FramedNumber(size: preamble.integerSize)
        self.toc = toc
        step = .blockType
        try consumer.begin(toc)
    }

    private mutating func beginBlock(_ dumpID: Int, ofLargeObjects: Bool) throws {
        guard let index = awaited.removeValue(forKey: dumpID), let entry = toc?.entries[index] else {
            throw PlainFailure.archive("data for entry \(dumpID), which has none or had it already")
        }
        inLargeObjects = ofLargeObjects
        step = ofLargeObjects ? .largeObject : .frame
        try consumer.beginData(of: entry)
    }

    private mutating func beginLargeObject(_ value: Int) throws {
        if value == 0 {
            step = .blockType
            return try consumer.endData()
        }
        // PostgreSQL writes the object id as a signed number.
        guard let oid = UInt32(exactly: value) ?? Int32(exactly: value).map(UInt32.init(bitPattern:)) else {
            throw PlainFailure.archive("large object \(value)")
        }
        step = .frame
        try consumer.beginLargeObject(oid)
    }

    private mutating func endFrames() throws {
        if inLargeObjects {
            step = .largeObject
            try consumer.endLargeObject()
        } else {
            step = .blockType
            try consumer.endData()
        }
    }
}

/// A number of the data part, which may arrive in pieces.
private struct FramedNumber {
    private let size: Int
    private var seen = 0
    private var isNegative = false
    private var magnitude: UInt64 = 0

    init(size: Int) {
        self.size = size
    }

    mutating func take(_ bytes: Span<UInt8>, _ position: inout Int) throws -> Int? {
        if seen == 0, size == 4, position + 5 <= bytes.count {
            let value =
                Int(bytes[position + 1]) | Int(bytes[position + 2]) << 8 | Int(bytes[position + 3]) << 16
                | Int(bytes[position + 4]) << 24
            let sign = bytes[position]
            guard sign <= 1 else { throw PlainFailure.archive("a number has no sign") }
            position += 5
            return sign == 0 ? value : -value
        }
        while seen <= size, position < bytes.count {
            try take(bytes[position])
            position += 1
        }
        guard seen > size else { return nil }
        let value = isNegative ? -Int(magnitude) : Int(magnitude)
        (seen, magnitude) = (0, 0)
        return value
    }

    private mutating func take(_ byte: UInt8) throws {
        if seen == 0 {
            guard byte <= 1 else { throw PlainFailure.archive("a number has no sign") }
            isNegative = byte == 1
        } else if seen <= 4 {
            magnitude |= UInt64(byte) << (8 * UInt64(seen - 1))
        } else if byte != 0 {
            throw PlainFailure.archive("a number is too large")
        }
        seen += 1
    }
}
