import Platform

/// How a record that was read by its grammar is built: what of its line stays as it is, and where values of one kind stand.
///
/// A line that differs from it in nothing but those values is a record too, with the same keys in the same places, so that
/// only the values are left to look at. Records of one program come in few shapes.
struct LineShape {
    /// One value: the text between a string's quotes, or a whole number that is not negative.
    private struct Hole {
        let range: Range<Int>
        let isNumber: Bool
    }

    /// A part of the line: where it stands in the model, and how many holes end before its beginning and before its end.
    struct Field {
        var range = 0..<0
        var before = 0
        var through = 0
    }

    /// Where a line of the shape differs from the model.
    struct Match {
        /// By how much what follows each hole is moved.
        fileprivate var shifts = InlineArray<32, Int>(repeating: 0)
        /// The record's number, unless it is the model's.
        fileprivate(set) var seq: Int?

        @inline(__always) func place(_ field: Field) -> Range<Int> {
            field.range.lowerBound + shifts[field.before]..<field.range.upperBound + shifts[field.through]
        }
    }

    private static let holeLimit = 31

    /// The line whose shape it is.
    private let model: [UInt8]
    private var holes: [Hole] = []
    private var seq: Int?

    /// - Parameter line: one JSON object.
    init(of line: Span<UInt8>) {
        var model: [UInt8] = []
        model.append(line)
        self.model = model
        // What readers look at first stays as it is: another action has a shape of its own.
        let kept = ["action", "phase", "v", "pid"].map { Array($0.utf8) }
        RecordFields.eachMember(of: 0..<line.count, line) { key, value in
            if line[value.lowerBound] == UInt8(ascii: "{") {
                RecordFields.eachMember(of: value, line) { _, value in
                    add(value, line)
                    return true
                }
            } else if !kept.contains(where: { Self.equal(line, key, $0) }) {
                add(value, line)
                if Self.equal(line, key, Array("seq".utf8)), holes.last?.range == value { seq = holes.count - 1 }
            }
            return true
        }
    }

    private mutating func add(_ value: Range<Int>, _ line: Span<UInt8>) {
        let first = line[value.lowerBound]
        let isNumber = (0x30...0x39).contains(first)
        let range = isNumber ? value : value.lowerBound + 1..<max(value.lowerBound + 1, value.upperBound - 1)
        // Where nothing stands, it could not be told which side of the hole a field begins at.
        guard holes.count < Self.holeLimit, isNumber || first == UInt8(ascii: "\""), !range.isEmpty else { return }
        var end = range.lowerBound
        let fits = isNumber ? JSONGrammar.wholeNumber(line, &end) != nil : JSONGrammar.endOfString(line, &end)
        guard fits, end == range.upperBound else { return }
        holes.append(Hole(range: range, isNumber: isNumber))
    }

    static func equal(_ line: Span<UInt8>, _ key: Range<Int>, _ name: [UInt8]) -> Bool {
        key.count == name.count && line.holds(name.span, at: key.lowerBound)
    }

    func field(_ range: Range<Int>) -> Field {
        Field(
            range: range, before: holes.count { $0.range.upperBound <= range.lowerBound },
            through: holes.count { $0.range.upperBound <= range.upperBound })
    }

    /// Whether a line has this shape, and then where it differs; of one that has not, nothing is known.
    @inline(__always) func match(_ line: Span<UInt8>, _ match: inout Match) -> Bool {
        let (bytes, holes) = (model, holes)
        let model = bytes.span
        var (position, from) = (0, 0)
        for index in holes.indices {
            let hole = holes[index]
            guard line.holds(model.extracting(from..<hole.range.lowerBound), at: position) else { return false }
            position += hole.range.lowerBound - from
            from = hole.range.upperBound
            if hole.isNumber {
                guard let value = JSONGrammar.wholeNumber(line, &position) else { return false }
                if index == seq { match.seq = value }
            } else {
                guard JSONGrammar.endOfString(line, &position) else { return false }
            }
            match.shifts[index + 1] = position - from
        }
        return line.count - position == model.count - from
            && line.holds(model.extracting(from..<model.count), at: position)
    }
}

/// What is known of the lines of one shape.
protocol ShapeReader: AnyObject {
    associatedtype Value

    /// Nil where no shape can be made of a line that was read by its grammar.
    init?(of line: Span<UInt8>, _ value: Value)

    /// What the grammar would say of a line of this shape; nil for any other.
    func value(of line: Span<UInt8>) -> Value?
}

/// The shapes that a log has shown so far: most of its lines are known by them, without a look at their grammar.
struct KnownShapes<Reader: ShapeReader> {
    private var shapes: [Reader] = []
    private var last = 0
    private var hits = 0
    private var misses = 0

    private static var limit: Int { 16 }

    init() {}

    /// - Parameter read: by the grammar, for a line whose shape is new.
    @inline(__always) mutating func value(
        of line: Span<UInt8>, _ read: (Span<UInt8>) throws -> Reader.Value?
    ) rethrows -> Reader.Value? {
        if last < shapes.count, let value = shapes[last].value(of: line) {
            hits &+= 1
            return value
        }
        return try find(line, read)
    }

    @inline(never) private mutating func find(
        _ line: Span<UInt8>, _ read: (Span<UInt8>) throws -> Reader.Value?
    ) rethrows -> Reader.Value? {
        for index in shapes.indices where index != last {
            if let value = shapes[index].value(of: line) {
                last = index
                hits &+= 1
                return value
            }
        }
        guard let value = try read(line) else { return nil }
        misses &+= 1
        // Of a log in which no two lines are alike, shapes are not worth making.
        if misses < 64 + hits / 4, let shape = Reader(of: line, value) {
            if shapes.count < Self.limit {
                last = shapes.count
                shapes.append(shape)
            } else {
                last = misses % Self.limit
                shapes[last] = shape
            }
        }
        return value
    }
}
