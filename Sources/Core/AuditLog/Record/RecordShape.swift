import Platform

/// The outlines of lines of one shape: those that verification needs, read strictly.
final class OutlineShape: ShapeReader {
    private let shape: LineShape
    private let outline: RecordOutline
    private let id: LineShape.Field
    private let time: LineShape.Field
    private let action: LineShape.Field
    private let clock: LineShape.Field
    private let ref: LineShape.Field?

    init(of line: Span<UInt8>, _ outline: RecordOutline) {
        let shape = LineShape(of: line)
        self.shape = shape
        self.outline = outline
        (id, time) = (shape.field(outline.id), shape.field(outline.time))
        (action, clock) = (shape.field(outline.action), shape.field(outline.clock))
        ref = outline.ref.map { shape.field($0) }
    }

    func value(of line: Span<UInt8>) -> RecordOutline? {
        var match = LineShape.Match()
        guard shape.match(line, &match) else { return nil }
        let time = match.place(time)
        guard time.count == 27 else { return nil }
        return RecordOutline(
            seq: match.seq ?? outline.seq, phase: outline.phase, id: match.place(id), time: time,
            action: match.place(action), ref: ref.map { match.place($0) }, clock: match.place(clock))
    }
}

/// The fields of lines of one shape: those that search and reports need.
final class FieldShape: ShapeReader {
    private let shape: LineShape
    private let fields: RecordFields
    private let places: [LineShape.Field]
    private let time: LineShape.Field
    private let moment: LineShape.Field

    init?(of line: Span<UInt8>, _ fields: RecordFields) {
        // Where it is not the first of its name, a line of the same shape might have it elsewhere.
        guard let known = fields.plainMoment(line) else { return nil }
        let shape = LineShape(of: line)
        (self.shape, self.fields) = (shape, fields)
        places = fields.places.map { shape.field($0) }
        (time, moment) = (shape.field(fields.time), shape.field(known))
    }

    func value(of line: Span<UInt8>) -> RecordFields? {
        var match = LineShape.Match()
        guard shape.match(line, &match) else { return nil }
        let moment = match.place(moment)
        // Without its own time in the facts, a record's moment is when it was written.
        guard moment.count == 27 || moment == match.place(time) else { return nil }
        return fields.moved(to: places, match, moment)
    }
}

/// What most searches ask of a record: when it happened, which act it was, and how that ended.
struct RecordGlance: Equatable {
    var moment: Range<Int>
    var action: Range<Int>
    var outcome: Range<Int>

    init(_ fields: RecordFields, _ line: Span<UInt8>) {
        (moment, action, outcome) = (fields.moment(line), fields.action, fields.outcome)
    }

    fileprivate init(moment: Range<Int>, action: Range<Int>, outcome: Range<Int>) {
        (self.moment, self.action, self.outcome) = (moment, action, outcome)
    }
}

/// The same of lines of one shape.
final class GlanceShape: ShapeReader {
    private let shape: LineShape
    private let id: LineShape.Field
    private let time: LineShape.Field
    private let moment: LineShape.Field
    private let action: LineShape.Field
    private let outcome: LineShape.Field

    init?(of line: Span<UInt8>, _ glance: RecordGlance) {
        guard let fields = RecordFields(line), fields.plainMoment(line) == glance.moment else { return nil }
        shape = LineShape(of: line)
        (id, time, moment) = (shape.field(fields.id), shape.field(fields.time), shape.field(glance.moment))
        (action, outcome) = (shape.field(glance.action), shape.field(glance.outcome))
    }

    func value(of line: Span<UInt8>) -> RecordGlance? {
        var match = LineShape.Match()
        guard shape.match(line, &match) else { return nil }
        let (time, moment) = (match.place(time), match.place(moment))
        guard !match.place(id).isEmpty, time.count >= 20, moment.count == 27 || moment == time else { return nil }
        return RecordGlance(moment: moment, action: match.place(action), outcome: match.place(outcome))
    }
}
