import Platform

/// How a record that was read strictly is built: what of its line stays as it is, and where values of one kind stand.
///
/// A line that differs from it in nothing but those values is a record too, with the same keys in the same places, so that
/// only the values are left to look at. Records of one program come in few shapes.
final class RecordShape {
    /// One value: the text between a string's quotes, or a whole number that is not negative.
    private struct Hole {
        let range: Range<Int>
        let isNumber: Bool
    }

    /// A field of the outline: where it stands in the model, and after how many holes it begins and ends.
    private struct Field {
        let range: Range<Int>
        let before: Int
        let through: Int
    }

    private static let holeLimit = 31

    /// The line whose shape it is.
    private let model: [UInt8]
    private var holes: [Hole] = []
    private let outline: RecordOutline
    private var id = Field(range: 0..<0, before: 0, through: 0)
    private var time = Field(range: 0..<0, before: 0, through: 0)
    private var action = Field(range: 0..<0, before: 0, through: 0)
    private var clock = Field(range: 0..<0, before: 0, through: 0)
    private var ref: Field?
    private var seq: Int?

    /// - Parameter outline: that of the line, which has been read strictly.
    init(of line: Span<UInt8>, _ outline: RecordOutline) {
        var model: [UInt8] = []
        model.append(line)
        self.model = model
        self.outline = outline
        // What verification looks at itself stays as it is: another action has a shape of its own.
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
        id = field(outline.id)
        time = field(outline.time)
        action = field(outline.action)
        clock = field(outline.clock)
        ref = outline.ref.map { field($0) }
    }

    private func add(_ value: Range<Int>, _ line: Span<UInt8>) {
        let first = line[value.lowerBound]
        let isNumber = (0x30...0x39).contains(first)
        let range = isNumber ? value : value.lowerBound + 1..<max(value.lowerBound + 1, value.upperBound - 1)
        // Where nothing stands, it could not be told which side of the hole a field begins at.
        guard holes.count < Self.holeLimit, isNumber || first == UInt8(ascii: "\""), !range.isEmpty else { return }
        var end = range.lowerBound
        let fits =
            isNumber ? JSONGrammar.wholeNumber(line, &end) != nil : JSONGrammar.endOfString(line, &end)
        guard fits, end == range.upperBound else { return }
        holes.append(Hole(range: range, isNumber: isNumber))
    }

    private func field(_ range: Range<Int>) -> Field {
        Field(
            range: range, before: holes.count { $0.range.upperBound <= range.lowerBound },
            through: holes.count { $0.range.upperBound <= range.upperBound })
    }

    private static func equal(_ line: Span<UInt8>, _ key: Range<Int>, _ name: [UInt8]) -> Bool {
        key.count == name.count && line.holds(name.span, at: key.lowerBound)
    }

    /// The outline of a line of this shape; nil for any other, about which that says nothing.
    func outline(of line: Span<UInt8>) -> RecordOutline? {
        let (bytes, holes) = (model, holes)
        let model = bytes.span
        var (position, from) = (0, 0)
        var number = 0
        var shifts = InlineArray<32, Int>(repeating: 0)
        for index in holes.indices {
            let hole = holes[index]
            guard line.holds(model.extracting(from..<hole.range.lowerBound), at: position) else { return nil }
            position += hole.range.lowerBound - from
            from = hole.range.upperBound
            if hole.isNumber {
                guard let value = JSONGrammar.wholeNumber(line, &position) else { return nil }
                if index == seq { number = value }
            } else {
                guard JSONGrammar.endOfString(line, &position) else { return nil }
            }
            shifts[index + 1] = position - from
        }
        guard line.count - position == model.count - from,
            line.holds(model.extracting(from..<model.count), at: position)
        else { return nil }
        func place(_ field: Field) -> Range<Int> {
            field.range.lowerBound + shifts[field.before]..<field.range.upperBound + shifts[field.through]
        }
        let time = place(time)
        guard time.count == 27 else { return nil }
        return RecordOutline(
            seq: seq == nil ? outline.seq : number, phase: outline.phase, id: place(id), time: time,
            action: place(action), ref: ref.map(place), clock: place(clock))
    }
}

/// The shapes that a log has shown so far: the outlines of its records, most of them without a look at their grammar.
struct RecordShapes {
    private var shapes: [RecordShape] = []
    private var last = 0
    private var hits = 0
    private var misses = 0

    private static let limit = 16

    /// - Throws: what `RecordOutline(parsing:)` throws for the line.
    mutating func outline(of line: Span<UInt8>) throws -> RecordOutline {
        if last < shapes.count, let outline = shapes[last].outline(of: line) {
            hits &+= 1
            return outline
        }
        for index in shapes.indices where index != last {
            if let outline = shapes[index].outline(of: line) {
                last = index
                hits &+= 1
                return outline
            }
        }
        let outline = try RecordOutline(parsing: line)
        misses &+= 1
        // Of a log in which no two lines are alike, shapes are not worth making.
        if misses < 64 + hits / 4 {
            last = misses % Self.limit
            if last < shapes.count {
                shapes[last] = RecordShape(of: line, outline)
            } else {
                last = shapes.count
                shapes.append(RecordShape(of: line, outline))
            }
        }
        return outline
    }
}
