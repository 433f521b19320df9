import Platform
import Testing

@testable import AuditLog

/// Verification reads records with a reader of its own; where the two readers differ, one of them is wrong.
@Suite struct RecordOutlineTests {
    static let line = """
        {"action":"backup.run","actor":{"role":"r","uid":0,"user":"root"},"clock":{"boot":"b","ns":1},"facts":\
        {"a":-1,"t":"\\u001b\\\\\\"é\\ud83d\\ude00"},"host":"h","id":"i-1","outcome":"success","phase":"finished",\
        "pid":7,"program":"dbbackup","ref":"i-0","seq":12,"target":{"database":"app"},\
        "time":"2026-11-24T04:20:01.000001Z","v":1,"version":"0.1.0"}
        """

    @Test func `it finds what the full reader finds`() throws {
        let bytes = Array(Self.line.utf8)
        let record = try AuditRecord(parsing: bytes.span)
        let outline = try RecordOutline(parsing: bytes.span)
        #expect(outline.seq == record.seq && outline.phase == record.phase)
        #expect(RecordOutline.text(bytes.span, outline.id) == record.id)
        #expect(RecordOutline.text(bytes.span, outline.action) == record.action)
        #expect(RecordOutline.text(bytes.span, outline.time) == record.time.description)
        #expect(try RecordOutline.text(bytes.span, #require(outline.ref)) == record.ref)
    }

    @Test(arguments: [
        ("\"seq\":12", "\"seq\":-12"), ("\"seq\":12", "\"seq\":012"), ("\"seq\":12", "\"seq\":\"12\""),
        ("\"seq\":12", "\"seq\":12,\"seq\":13"), ("\"seq\":12", "\"seq\":12,\"\\u0073eq\":13"),
        ("\"seq\":12", "\"seq\":12,"), ("\"seq\":12,", "\"seq\":12"), ("\"seq\":12,", ""), ("\"host\":\"h\",", ""),
        ("\"pid\":7", "\"pid\":7}"), ("finished", "ended"), ("\"a\":-1", "\"a\":-"), ("\"a\":-1", "\"a\":1."),
        ("\"a\":-1", "\"a\":.1"), ("\"a\":-1", "\"a\":1e"), ("\"a\":-1", "\"a\":tru"), ("\"a\":-1", "\"a\":[1,]"),
        ("\\u001b", "\u{1B}"), ("\\u001b", "\\x1b"), ("\\u001b", "\\u001"), ("\\ude00", ""), ("\\ud83d", ""),
        ("\"0.1.0\"}", "\"0.1.0\"} x"), ("\"0.1.0\"}", "\"0.1.0\""), ("\"0.1.0\"}", "\"0.1.0}"),
        ("{\"action", "[\"action"),
        ("04:20:01.000001Z", "04:20:01Z"), ("{\"boot\":\"b\",\"ns\":1}", "1"),
    ]) func `what is no record is refused`(original: String, forged: String) {
        let text = Self.line.replacing(original, with: forged)
        #expect(text != Self.line)
        #expect(throws: AuditFailure.self) { try RecordOutline(parsing: Array(text.utf8).span) }
    }

    @Test func `it takes every damaged line that the full reader takes, and finds the same`() {
        let bytes = Array(Self.line.utf8)
        for index in bytes.indices {
            // No backslash: an escape in a key is where the two are meant to differ.
            for byte: UInt8 in [0, 0x22, 0x2C, 0x30, 0x7D, 0xFF] {
                var damaged = bytes
                damaged[index] = byte
                let outline = try? RecordOutline(parsing: damaged.span)
                guard let record = try? AuditRecord(parsing: damaged.span) else { continue }
                #expect(outline?.seq == record.seq, "\(String(decoding: damaged, as: UTF8.self))")
            }
        }
    }

    @Test func `brackets without end do not use up the stack`() {
        let deep = Array(repeating: UInt8(ascii: "["), count: 500_000)
        let line = Array("{\"x\":".utf8) + deep
        #expect(throws: AuditFailure.self) { try RecordOutline(parsing: line.span) }
    }
}
