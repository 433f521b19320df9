import Platform
import Testing

private struct Grant: Decodable {
    let to: [String]
    let count: Int?

    enum Keys: String, CodingKey, CaseIterable { case to, count }

    init(from decoder: any Decoder) throws {
        let container = try decoder.strict(Keys.self)
        to = try container.decode([String].self, forKey: .to)
        count = try container.decodeIfPresent(Int.self, forKey: .count)
    }
}

private struct Policy: Decodable {
    let grants: [Grant]

    enum Keys: String, CodingKey, CaseIterable { case grants }

    init(from decoder: any Decoder) throws {
        grants = try decoder.strict(Keys.self).decode([Grant].self, forKey: .grants)
    }
}

@Suite struct `Documents that people write` {
    private func sentence(_ text: String) -> String {
        do {
            let policy = try CommentedJSON(Array(text.utf8), named: "p.json").decode(Policy.self)
            return "read \(policy.grants.map(\.to))"
        } catch {
            return (error as? DocumentFailure)?.sentence ?? "\(error)"
        }
    }

    @Test func `comments and trailing commas are allowed`() {
        #expect(
            sentence("{ // who\n \"grants\": [ /* none\n yet */ {\"to\": [\"a // b\",],}, ], }")
                == "read [[\"a // b\"]]")
    }

    @Test(arguments: [
        (
            "{\n \"grants\": [\n  {\"too\": []}]}",
            "cannot read p.json: line 3: grants[0].too: unknown key \"too\" (did you mean to?)"
        ),
        ("{\"grants\": [{\"to\": []},\n{}]}", "cannot read p.json: line 2: grants[1]: the key \"to\" is missing"),
        ("{\"grants\": [{\"to\":\n [\"a\", 7]}]}", "cannot read p.json: line 2: grants[0].to[1]: expected a text"),
        (
            "{\"grants\": [],\n \"grants\": []}",
            "cannot read p.json: line 2: column 2: the key \"grants\" is there twice"
        ),
        (
            "{\"grants\": [}",
            "cannot read p.json: line 1: column 13: a value was expected here (a text stands in double quotes)"
        ),
        ("{\"grants\": []} x", "cannot read p.json: line 1: column 16: there is more after the end of the document"),
        (
            "{\"grants\": [{\"to\": [\"a\nb\"]}]}",
            "cannot read p.json: line 1: column 23: a control character must be written as an escape"
        ),
        ("{ /* ", "cannot read p.json: line 1: column 3: a comment is not closed"),
        ("", "cannot read p.json: line 1: column 1: the document ends where a value should stand"),
        ("{\"grants\": 01}", "cannot read p.json: line 1: column 13: a comma or } was expected here"),
    ])
    func `an error names the line, the path and what was meant`(text: String, expected: String) {
        #expect(sentence(text) == expected)
    }

    @Test func `bytes that are not UTF-8 are refused`() {
        #expect(throws: DocumentFailure.self) {
            try CommentedJSON(Array("{\"a\":1, ".utf8) + [0xFB, 0x00], named: "p")
        }
    }

    @Test func `deep nesting is refused before it can exhaust the stack`() {
        let hostile = String(repeating: "[", count: 100_000)
        #expect(throws: DocumentFailure.self) { try CommentedJSON(Array(hostile.utf8), named: "p") }
    }

    @Test func `every prefix of a document is an error and none stops the process`() throws {
        let text = Array(
            "{\"grants\": [{\"to\": [\"\\u00e9\\ud83d\\ude00\", \"b\"], \"count\": -1.5e+3}] /* c */ }".utf8)
        for length in 0..<text.count - 1 {
            #expect(throws: DocumentFailure.self) { try CommentedJSON(Array(text[..<length]), named: "p") }
        }
    }

    @Test func `a place that is not in the document is reported at its nearest ancestor`() throws {
        let document = try CommentedJSON(Array("{\n\"a\": {\n\"b c\": [\n1]}}".utf8), named: "p")
        #expect(document.line(of: "a[\"b c\"][0]") == 4)
        #expect(document.line(of: "a[\"b c\"][7].x") == 3)
    }
}

@Suite struct `The nearest known word` {
    @Test(arguments: [
        ("SELEKT", "SELECT"), ("user", "users"), ("odrers", "orders"), ("INSRET", "INSERT"),
    ])
    func `is found within a third of the letters`(typed: String, meant: String) {
        #expect(Suggestion.nearest(to: typed, among: ["SELECT", "INSERT", "users", "orders"]) == meant)
    }

    @Test func `is not guessed when nothing is near`() {
        #expect(Suggestion.nearest(to: "TRUNCATE", among: ["SELECT", "INSERT"]) == nil)
    }
}
