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
    private var version = 0
    private var seen: Set = []

    /// - Throws: `AuditFailure.inconsistent` with the same sentences as the full reader.
    init(parsing line: Span<UInt8>) throws {
        var position = 0
        guard (try? UTF8Span(validating: line)) != nil,
            JSONGrammar.object(line, &position, member: { take($0, $1, line) }), position == line.count,
            seen.contains(.version)
        else { throw AuditFailure(.inconsistent, "not a record") }
        guard AuditRecord.readableVersions.contains(version) else { throw AuditFailure.unknownVersion(version) }
        guard seen.isSuperset(of: .required) else { throw AuditFailure(.inconsistent, "not a record") }
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
        var name: UInt64 = 0
        for index in key {
            // An escape could spell a known key in another way, so that two readers read two records.
            guard line[index] != UInt8(ascii: "\\") else { return false }
            name = key.count <= 8 ? name << 8 | UInt64(line[index]) : 0
        }
        switch name {
        case Name.v: return number(value, line).map { version = $0 } != nil && see(.version)
        case Name.seq: return number(value, line).map { seq = $0 } != nil && see(.seq)
        case Name.pid: return number(value, line) != nil && see(.pid)
        case Name.id: return string(value, line).map { id = $0 } != nil && see(.id)
        case Name.action: return string(value, line).map { action = $0 } != nil && see(.action)
        case Name.ref: return string(value, line).map { ref = $0 } != nil && see(.ref)
        case Name.time: return string(value, line).map { time = $0 } != nil && time.count == 27 && see(.time)
        case Name.phase:
            let word = string(value, line).map { Self.text(line, $0) }
            return word.flatMap { AuditRecord.Phase(rawValue: $0) }.map { phase = $0 } != nil && see(.phase)
        case Name.host: return string(value, line) != nil && see(.host)
        case Name.program: return string(value, line) != nil && see(.program)
        case Name.version: return string(value, line) != nil && see(.programVersion)
        case Name.clock: return line[value.lowerBound] == UInt8(ascii: "{") && see(.clock)
        case Name.actor: return line[value.lowerBound] == UInt8(ascii: "{") && see(.actor)
        default: return true
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

    private func number(_ value: Range<Int>, _ line: Span<UInt8>) -> Int? {
        guard value.count <= 18 else { return nil }
        var number = 0
        for index in value {
            guard (0x30...0x39).contains(line[index]) else { return nil }
            number = number * 10 + Int(line[index] - 0x30)
        }
        return number
    }
}

/// The known keys as numbers, so that telling them apart costs no string.
private enum Name {
    static let v = packed("v")
    static let seq = packed("seq")
    static let pid = packed("pid")
    static let id = packed("id")
    static let action = packed("action")
    static let ref = packed("ref")
    static let time = packed("time")
    static let phase = packed("phase")
    static let host = packed("host")
    static let program = packed("program")
    static let version = packed("version")
    static let clock = packed("clock")
    static let actor = packed("actor")

    private static func packed(_ name: String) -> UInt64 {
        name.utf8.reduce(0) { $0 << 8 | UInt64($1) }
    }
}
