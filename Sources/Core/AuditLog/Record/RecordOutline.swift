import Platform

/// What verification needs of a record, found without building one: many times faster, and strict about the JSON.
///
/// The line must be one JSON object in UTF-8 with every key that a record must have, none of those twice. What stands inside
/// `actor`, `clock`, `target` and `facts` is held to JSON's grammar alone.
struct RecordOutline {
    private(set) var seq = 0
    private(set) var phase = AuditRecord.Phase.event
    /// Where the values stand in the line, without their quotes.
    private(set) var id = 0..<0
    private(set) var time = 0..<0
    private(set) var action = 0..<0
    private(set) var ref: Range<Int>?
    private(set) var clock = 0..<0
    private var version = 0
    private var seen: Set = []

    /// - Throws: `AuditFailure.inconsistent` with the same sentences as the full reader.
    init(parsing line: Span<UInt8>) throws {
        var position = 0
        guard Self.isASCII(line) || (try? UTF8Span(validating: line)) != nil,
            JSONGrammar.object(line, &position, member: { take($0, $1, line) }), position == line.count,
            seen.contains(.version)
        else { throw AuditFailure(.inconsistent, "not a record") }
        guard AuditRecord.readableVersions.contains(version) else { throw AuditFailure.unknownVersion(version) }
        guard seen.isSuperset(of: .required) else { throw AuditFailure(.inconsistent, "not a record") }
    }

    /// One whose parts are known to be right, from a line of a known shape.
    init(
        seq: Int, phase: AuditRecord.Phase, id: Range<Int>, time: Range<Int>, action: Range<Int>, ref: Range<Int>?,
        clock: Range<Int>
    ) {
        self.seq = seq
        self.phase = phase
        self.id = id
        self.time = time
        self.action = action
        self.ref = ref
        self.clock = clock
    }

    /// Whether every byte is ASCII: then it is UTF-8 as well, and that is found out much faster.
    private static func isASCII(_ line: Span<UInt8>) -> Bool {
        var all: UInt8 = 0
        for index in line.indices { all |= line[index] }
        return all < 0x80
    }

    static func text(_ line: Span<UInt8>, _ range: Range<Int>) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count)
        for index in range { bytes.append(line[index]) }
        return String(decoding: bytes, as: UTF8.self)
    }

    private struct Set: OptionSet {
        let rawValue: UInt32

        static let version = Set(rawValue: 1 << 0)
        static let seq = Set(rawValue: 1 << 1)
        static let id = Set(rawValue: 1 << 2)
        static let time = Set(rawValue: 1 << 3)
        static let action = Set(rawValue: 1 << 4)
        static let phase = Set(rawValue: 1 << 5)
        static let ref = Set(rawValue: 1 << 6)
        static let clock = Set(rawValue: 1 << 7)
        static let actor = Set(rawValue: 1 << 8)
        static let host = Set(rawValue: 1 << 9)
        static let program = Set(rawValue: 1 << 10)
        static let programVersion = Set(rawValue: 1 << 11)
        static let pid = Set(rawValue: 1 << 12)

        static let required: Set = [
            .version, .seq, .id, .time, .action, .phase, .clock, .actor, .host, .program, .programVersion, .pid,
        ]
    }

    /// Looks at one key of the record and its value; false when that cannot stand in a record.
    private mutating func take(_ key: Range<Int>, _ value: Range<Int>, _ line: Span<UInt8>) -> Bool {
        // An escape could spell a known key in another way, so that two readers read two records.
        guard let name = key.count <= 8 ? packed(key, line) : longKey(key, line) else { return false }
        switch name {
        case Name.v: return Self.number(value, line).map { version = $0 } != nil && see(.version)
        case Name.seq: return Self.number(value, line).map { seq = $0 } != nil && see(.seq)
        case Name.pid: return Self.number(value, line) != nil && see(.pid)
        case Name.id: return string(value, line).map { id = $0 } != nil && see(.id)
        case Name.action: return string(value, line).map { action = $0 } != nil && see(.action)
        case Name.ref: return string(value, line).map { ref = $0 } != nil && see(.ref)
        case Name.time: return string(value, line).map { time = $0 } != nil && time.count == 27 && see(.time)
        case Name.phase:
            return string(value, line).flatMap { packed($0, line).flatMap { phase($0) } }.map { phase = $0 } != nil
                && see(.phase)
        case Name.host: return string(value, line) != nil && see(.host)
        case Name.program: return string(value, line) != nil && see(.program)
        case Name.version: return string(value, line) != nil && see(.programVersion)
        case Name.clock:
            clock = value
            return line[value.lowerBound] == UInt8(ascii: "{") && see(.clock)
        case Name.actor: return line[value.lowerBound] == UInt8(ascii: "{") && see(.actor)
        default: return true
        }
    }

    /// The bytes in a row as a number; 0 for more than eight, nil where there is a backslash.
    @inline(__always) private func packed(_ range: Range<Int>, _ line: Span<UInt8>) -> UInt64? {
        guard range.count <= 8 else { return 0 }
        var name: UInt64 = 0
        for index in range {
            let byte = line[index]
            if byte == UInt8(ascii: "\\") { return nil }
            name = name << 8 | UInt64(byte)
        }
        return name
    }

    /// 0, since no key that is looked at is so long; nil where there is a backslash.
    private func longKey(_ key: Range<Int>, _ line: Span<UInt8>) -> UInt64? {
        line.extracting(key).firstIndex(of: UInt8(ascii: "\\")) == nil ? 0 : nil
    }

    private func phase(_ name: UInt64) -> AuditRecord.Phase? {
        switch name {
        case Name.started: .started
        case Name.finished: .finished
        case Name.event: .event
        default: nil
        }
    }

    /// False when the key was there already.
    private mutating func see(_ key: Set) -> Bool {
        seen.insert(key).inserted
    }

    private func string(_ value: Range<Int>, _ line: Span<UInt8>) -> Range<Int>? {
        guard line[value.lowerBound] == UInt8(ascii: "\"") else { return nil }
        return value.lowerBound + 1..<value.upperBound - 1
    }

    /// A whole number that is not negative and has at most 18 digits.
    static func number(_ value: Range<Int>, _ line: Span<UInt8>) -> Int? {
        guard value.count <= 18 else { return nil }
        var number = 0
        for index in value {
            guard (0x30...0x39).contains(line[index]) else { return nil }
            number = number * 10 + Int(line[index] - 0x30)
        }
        return number
    }
}

/// The known keys as numbers, their bytes in a row, so that telling them apart costs no string and no look-up.
private enum Name {
    static var v: UInt64 { 0x76 }
    static var seq: UInt64 { 0x73_6571 }
    static var pid: UInt64 { 0x70_6964 }
    static var id: UInt64 { 0x6964 }
    static var action: UInt64 { 0x6163_7469_6F6E }
    static var ref: UInt64 { 0x72_6566 }
    static var time: UInt64 { 0x7469_6D65 }
    static var phase: UInt64 { 0x70_6861_7365 }
    static var host: UInt64 { 0x686F_7374 }
    static var program: UInt64 { 0x70_726F_6772_616D }
    static var version: UInt64 { 0x76_6572_7369_6F6E }
    static var clock: UInt64 { 0x63_6C6F_636B }
    static var actor: UInt64 { 0x61_6374_6F72 }

    static var started: UInt64 { 0x73_7461_7274_6564 }
    static var finished: UInt64 { 0x6669_6E69_7368_6564 }
    static var event: UInt64 { 0x65_7665_6E74 }
}
