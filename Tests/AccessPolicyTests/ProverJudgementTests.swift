import Platform
import Testing

@testable import AccessPolicy

/// What an answer means, without a server.
@Suite struct ProverJudgementTests {
    private static func done(_ rows: [[String?]], touched: Int? = nil) -> TestAnswer {
        .done(rows: rows, touched: touched ?? rows.count)
    }

    private static func refused(_ code: String, _ routine: String? = nil) -> TestAnswer {
        .refused(code: code, routine: routine, sentence: "no")
    }

    private static let byGrant = refused("42501", "aclcheck_error")
    private static let byPolicy = refused("42501", "ExecWithCheckOptions")
    private static let byCode = refused("42501", "exec_stmt_raise")

    static let cases: [(AccessTest.Expectation, TestAnswer, Verdict)] = [
        (.rows([["1", nil]]), done([["1", nil]]), .proved),
        (.rows([["1"]]), done([["1"], ["2"]]), .leak),
        (.rows([["1"]]), done([["2"]]), .leak),
        (.rows([["a"]]), done([["b"]]), .leak),
        (.rows([["1"], ["2"]]), done([["1"]]), .failed),
        (.rows([["1"], ["2"]]), done([["2"], ["1"]]), .failed),
        (.rows([["1"]]), done([["1"], ["1"]]), .leak),
        (.rows([["5"]]), done([["3"]]), .failed),
        (.rows([]), done([[nil]]), .leak),
        (.rows([]), byGrant, .failed),
        (.rows([]), refused("42P01"), .failed),
        (.affected(0), done([], touched: 0), .proved),
        (.affected(0), done([], touched: 2), .leak),
        (.affected(2), done([], touched: 1), .failed),
        (.affected(0), byPolicy, .failed),
        (.denied(.any), byGrant, .proved),
        (.denied(.any), byPolicy, .proved),
        (.denied(.any), byCode, .proved),
        (.denied(.any), done([], touched: 0), .leak),
        (.denied(.any), refused("25006"), .failed),
        (.denied(.any), refused("42P01"), .failed),
        (.denied(.grant), byGrant, .proved),
        (.denied(.grant), refused("42501", "aclcheck_error_col"), .proved),
        (.denied(.grant), byPolicy, .leak),
        (.denied(.grant), byCode, .failed),
        (.denied(.grant), refused("42501"), .failed),
        (.denied(.policy), byPolicy, .proved),
        (.denied(.policy), byGrant, .failed),
        (.denied(.policy), done([["1"]]), .leak),
        (.denied(.policy), done([], touched: 0), .failed),
        (.error("23505"), refused("23505"), .proved),
        (.error("23505"), refused("23503"), .failed),
        (.error("23505"), byGrant, .failed),
        (.error("42501"), byGrant, .proved),
        (.error("23505"), done([]), .leak),
    ]

    @Test(arguments: cases.indices) func `an answer has one verdict`(_ index: Int) {
        let (expectation, answer, verdict) = Self.cases[index]
        let judgement = expectation.judge(answer)
        #expect(judgement.verdict == verdict)
        #expect((judgement.detail == nil) == (verdict == .proved))
    }

    @Test func `a policy that filters is told apart from one that denies`() {
        let judgement = AccessTest.Expectation.denied(.any).judge(Self.done([], touched: 0))
        #expect(
            judgement.detail
                == "expected to be denied, but it was done, with 0 rows: policies that filter rows deny nothing, so expect "
                + "{\"affected\": 0} or no rows")
    }

    @Test func `strict takes nothing but proved`() {
        #expect(Verdict.allCases.filter { $0.passes(strict: false) } == [.proved, .vacuous, .unknown])
        #expect(Verdict.allCases.filter { $0.passes(strict: true) } == [.proved])
    }

    @Test func `an unfinished list of a thousand is cut where it gets too heavy`() {
        #expect([600, 400, 1, 2000, 3].chunked(1000, weight: \.self) == [[600, 400], [1], [2000], [3]])
        #expect([Int]().chunked(10, weight: \.self) == [])
    }

    @Test func `every word of a statement may name a function, also one in quotes`() {
        #expect(
            StatementWords.words(in: ["SELECT app.May(x), \"odd fn\"(1) FROM t WHERE a='b'"]) == [
                "1", "a", "app", "b", "fn", "from", "may", "odd", "odd fn", "select", "t", "where", "x",
            ])
    }

    @Test func `calls are found in what the planner prints, with what goes into them`() {
        let found = CallScanner.calls(
            in: "(app.may(t.id, 'x(y)'::text) AND (t.u = current_setting('a.b'::text, true)))")
        #expect(found.map(\.name) == ["may", "current_setting"])
        #expect(found.map { $0.arguments.contains("t.") } == [true, false])
    }

    static let expectations: [(String, AccessTest.Expectation)] = [
        ("{ \"rows\": [[1, null]] }", .rows([["1", nil]])),
        ("{ \"affected\": 0 }", .affected(0)),
        ("{ \"denied\": true }", .denied(.any)),
        ("{ \"denied\": \"grant\" }", .denied(.grant)),
        ("{ \"denied\": \"policy\" }", .denied(.policy)),
        ("{ \"error\": \"23505\" }", .error("23505")),
    ]

    @Test(arguments: expectations) func `what is expected is read`(
        _ text: String, _ expectation: AccessTest.Expectation
    ) throws {
        #expect(try policy("SELECT 1", expecting: text).tests[0].expectation == expectation)
    }

    static let mistakes: [(String, String)] = [
        ("{ \"denied\": false }", "denied: true, \"grant\" or \"policy\" is expected"),
        ("{ \"denied\": \"any\" }", "denied: true, \"grant\" or \"policy\" is expected"),
        ("{ \"affected\": -1 }", "affected: -1 is not a number of rows"),
        ("{ \"error\": \"unique\" }", "error: \"unique\" is not an SQLSTATE, as 23505 would be"),
        ("{ \"rows\": [], \"denied\": true }", "exactly one of "),
        ("{}", "exactly one of "),
    ]

    @Test(arguments: mistakes) func `what cannot be expected is named`(_ text: String, _ problem: String) throws {
        let failure = #expect(throws: (any Error).self) { try policy("SELECT 1", expecting: text) }
        let sentence = (failure as? any Failure)?.sentence ?? ""
        #expect(sentence.contains(problem), "\(sentence)")
    }

    static let refused = [
        "COMMIT", "ROLLBACK", "BEGIN", "SAVEPOINT x", "RELEASE dbsec", "DO 'x'", "CALL p()", "SET ROLE postgres",
        "SET SESSION AUTHORIZATION DEFAULT", "RESET ALL", "DISCARD ALL", "COPY t TO PROGRAM 'x'", "LISTEN x",
        "NOTIFY x",
        "PREPARE p AS SELECT 1", "EXECUTE p", "DECLARE c CURSOR FOR SELECT 1", "EXPLAIN ANALYZE SELECT 1",
        "CREATE ROLE x", "ALTER SYSTEM SET x = 1", "LOAD 'x'", "LOCK t", "-- x\nCOMMIT", "/* SELECT */ COMMIT", "",
    ]

    @Test(arguments: refused) func `a test is a statement that reads or changes rows, and nothing else`(
        _ statement: String
    ) throws {
        let failure = #expect(throws: (any Error).self) { try policy(statement, expecting: "{ \"rows\": [] }") }
        #expect((failure as? any Failure)?.sentence.contains("a test is one statement that begins with") == true)
    }

    private func policy(_ statement: String, expecting text: String) throws -> Policy {
        let statement = statement.replacing("\n", with: "\\n")
        let document = """
            { "version": 1, "strict": true,
              "tests": [{ "as": "x", "run": "\(statement)", "expect": \(text) }] }
            """
        return try PolicyFile(bytes: Array(document.utf8), named: "policy p.json").policy
    }
}
