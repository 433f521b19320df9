import Platform
import Testing

@testable import AuditLog

/// A record that is known by the shape of another must be what the strict reader says it is, and no other may be.
@Suite struct RecordShapeTests {
    private static let lines = [
        """
        {"action":"backup.run","actor":{"role":"r","uid":0,"user":"root"},"clock":\
        {"boot":"33d7043d-63a1-4f9a-96d4-94ef86be4fde","ns":34652750750378},"facts":\
        {"empty":"","rows":98,"t":"\\u001b\\\\\\"e\\ud83d\\ude00","x":"é","y":-1.5e3,"z":[1,{"a":"b"}]},"host":"h",\
        "id":"01a2198f-f630-7d22-8895-04296090b9e4","ms":0,"outcome":"success","phase":"finished",\
        "pid":7,"program":"dbbackup","ref":"01a2198f-f630-7d22-8895-04296090b9e3","seq":12,"target":{"database":"app"},\
        "time":"2026-11-24T04:20:01.000001Z","v":2,"version":"0.1.0"}
        """,
        """
        {"action":"pg.statement","actor":{"uid":1000,"user":"é"},"clock":{"boot":"b","ns":1},"facts":{"at":"x","seq":5,\
        "statement":"SELECT ? FROM \\"t\\"","z":{"seq":7}},"host":"vm","id":"i","phase":"event","pid":13906,\
        "program":"dbaudit","seq":99,"time":"2026-11-26T20:33:19.613201Z","v":2,"version":"1"}
        """,
        """
        { "v" : 1 , "seq" : 3 , "id" : "i" , "time" : "2026-11-26T20:33:19.613201Z" , "action" : "x" , \
        "phase" : "started" , "clock" : { "boot" : "b" , "ns" : 1 } , "actor" : { } , "host" : "h" , "program" : "p" , "version" : "1" , "pid" : 1 }
        """,
    ]

    /// What both readers say of a line, as text; nil for no record.
    private static func told(_ line: [UInt8], _ outline: RecordOutline?) -> String? {
        outline.map { outline in
            let texts = [outline.id, outline.time, outline.action, outline.ref ?? 0..<0, outline.clock].map {
                RecordOutline.text(line.span, $0)
            }
            return "\(outline.seq) \(outline.phase) \(texts) \(outline.ref == nil) \(outline.clock)"
        }
    }

    private static func compare(_ line: [UInt8], _ shapes: [OutlineShape], _ seen: inout Int) {
        let strict = told(line, try? RecordOutline(parsing: line.span))
        for shape in shapes {
            guard let outline = shape.value(of: line.span) else { continue }
            seen += 1
            if told(line, outline) != strict { Issue.record("\(String(decoding: line, as: UTF8.self))") }
        }
    }

    private static func shapes() throws -> [OutlineShape] {
        try lines.map { line in
            let bytes = Array(line.utf8)
            return OutlineShape(of: bytes.span, try RecordOutline(parsing: bytes.span))
        }
    }

    @Test func `a line has its own shape`() throws {
        for (line, shape) in zip(Self.lines, try Self.shapes()) {
            let bytes = Array(line.utf8)
            let known = Self.told(bytes, shape.value(of: bytes.span))
            let strict = Self.told(bytes, try RecordOutline(parsing: bytes.span))
            #expect(known != nil && known == strict)
        }
    }

    @Test func `every byte changed, left out or doubled gives what the strict reader gives, or nothing`() throws {
        let bytes: [UInt8] = [0, 0x1F, 0x20, 0x22, 0x2C, 0x2D, 0x30, 0x39, 0x5C, 0x65, 0x7B, 0x7D, 0x80, 0xC3, 0xFF]
        let shapes = try Self.shapes()
        var known = 0
        for line in Self.lines.map({ Array($0.utf8) }) {
            for index in line.indices {
                for byte in bytes {
                    var damaged = line
                    damaged[index] = byte
                    Self.compare(damaged, shapes, &known)
                    damaged.insert(line[index], at: index)
                    Self.compare(damaged, shapes, &known)
                }
                var shorter = line
                shorter.remove(at: index)
                Self.compare(shorter, shapes, &known)
                Self.compare(Array(line[..<index]), shapes, &known)
            }
        }
        // Otherwise nothing was compared.
        #expect(known > 1000)
    }

    @Test func `hostile values in every place give what the strict reader gives, or nothing`() throws {
        let values = [
            "", "0", "01", "-0", "-1", "1.5", "1e9", "999999999999999999", "1000000000000000000",
            "123456789012345678901234567890", "null", "true", "[]", "{}", "\"\"", "\"\\\"", "\"\\u0041\"",
            "\"\\ud800\"",
            "\"\\udc00\"", "\"\u{7F}\"", "\"\u{202E}\"", "\"\t\"", "\",\"seq\":1,\"x\":\"", "\"a\",\"seq\":1",
            "1,\"seq\":2", "\"\n\"",
            "\"</script>\"", "\"2026-11-24T04:20:01.00000Z\"", "\"2026-11-24T04:20:01.000002Z\"",
        ]
        let shapes = try Self.shapes()
        var known = 0
        for line in Self.lines {
            var fields: [Range<Int>] = []
            let bytes = Array(line.utf8)
            RecordFields.eachMember(of: 0..<bytes.count, bytes.span) { key, value in
                fields.append(value)
                fields.append(key.lowerBound - 1..<key.upperBound + 1)
                if bytes[value.lowerBound] == UInt8(ascii: "{") {
                    RecordFields.eachMember(of: value, bytes.span) {
                        fields.append($1)
                        fields.append($0.lowerBound - 1..<$0.upperBound + 1)
                        return true
                    }
                }
                return true
            }
            for field in fields {
                for value in values {
                    let changed = Array(bytes[..<field.lowerBound] + value.utf8 + bytes[field.upperBound...])
                    Self.compare(changed, shapes, &known)
                }
            }
        }
        #expect(known > 100)
    }

    @Test func `a log of many shapes is read as if it had none`() throws {
        var shapes = KnownShapes<OutlineShape>()
        for number in 0..<2000 {
            let text = Self.lines[number % 3].replacing("\"host\"", with: "\"k\(number % 40)\":1,\"host\"")
                .replacing("\"pid\":7", with: number % 7 == 0 ? "\"pid\":x" : "\"pid\":7")
            let line = Array(text.utf8)
            let strict = Self.told(line, try? RecordOutline(parsing: line.span))
            #expect(Self.told(line, try? shapes.value(of: line.span) { try RecordOutline(parsing: $0) }) == strict)
        }
    }
}
