import Platform
import SystemPackage
import Testing

@testable import AccessPolicy

/// What the lint decides without a server: text, versions and rules over values.
struct LintRuleTests {
    @Test(arguments: [
        ("(true)", "always"), ("1 = 1", "always"), ("(x = x)", "always"), ("(a = 1) OR ((t.b = t.b))", "always"),
        ("a = 1 AND 1 = 1", "neither"), ("x = y", "neither"), ("f() = f()", "neither"), ("NOT true", "neither"),
        ("false AND a = 1", "never"), ("false", "never"), ("'or true' = a", "neither"),
        ("a BETWEEN 1 AND 2 OR true", "always"), ("CASE WHEN a THEN true ELSE false END OR b", "neither"),
        ("a = 1 -- or true", "neither"), ("\"true\"", "neither"), ("(a = 1) OR (a <> 1)", "always"),
        ("a IS NULL OR b OR (t.c) = 2 OR (a IS NOT NULL)", "always"), ("a < 1 OR a > 1", "neither"),
        ("a < 1 OR (a) >= 1", "always"), ("a = 1 AND b OR a <> 1", "neither"), ("f() = 1 OR f() <> 1", "neither"),
        ("a IS NOT NULL", "neither"), ("a <> a", "neither"), ("a >= a", "always"),
    ]) func `a constant is known by its text`(_ text: String, _ expected: String) {
        let constant = PolicyExpression(text, table: "t").constant
        #expect(constant.map { $0 == .always ? "always" : "never" } ?? "neither" == expected)
    }

    @Test func `a column that is never NULL is known not to be`() {
        #expect(PolicyExpression("(t.id IS NOT NULL)", table: "t").constant(filled: ["id"]) == .always)
        #expect(PolicyExpression("((a = 1) OR (\"Id\" IS NOT NULL))", table: "t").constant(filled: ["Id"]) == .always)
        #expect(PolicyExpression("(t.a + t.id) IS NOT NULL", table: "t").constant(filled: ["id"]) == nil)
        #expect(PolicyExpression("id IS NOT NULL AND b", table: "t").constant(filled: ["id"]) == nil)
    }

    @Test func `names in constants, comments and quotes are no calls and no callers`() {
        let expression = PolicyExpression(
            "a = 'current_user' /* current_user /* nested */ current_setting('x') */ AND b = $q$current_setting('y')$q$",
            table: "t")
        #expect(!expression.asksCaller())
        #expect(expression.calls.isEmpty)
        #expect(PolicyExpression("(SELECT CURRENT_USER AS \"current_user\") = a", table: "t").callerWords.count == 1)
    }

    @Test func `columns of another table in a sub-select are not the table's own`() {
        let expression = PolicyExpression(
            "(tenant IN ( SELECT m.tenant FROM s.m WHERE ((m.owner = CURRENT_USER) AND (t.region = m.region))))",
            table: "t")
        #expect(expression.ownColumns(known: ["tenant", "owner", "region", "m"]) == ["tenant", "region"])
        #expect(expression.isInSelect(5))
    }

    @Test func `a deep expression does not exhaust the stack`() {
        let deep =
            String(repeating: "(a = 1 OR (b = 2 AND ", count: 5000) + "true" + String(repeating: "))", count: 5000)
        #expect(PolicyExpression(deep, table: "t").constant == nil)
    }

    @Test func `an expression of many calls and sub-selects is read in one pass`() {
        let wide = String(repeating: "f((SELECT current_user)) + ", count: 5_000) + "1"
        let expression = PolicyExpression(wide, table: "t")
        #expect(expression.calls.count == 5_000)
        #expect(expression.subqueries.count == 5_000)
        #expect(PolicyExpression(String(repeating: ")(", count: 1000), table: "t").calls.isEmpty)
    }

    @Test(arguments: 0..<200) func `no text of tokens in any order stops the program`(_ seed: Int) {
        let words = [
            "a", "t", ".", "(", ")", "=", "::", "text", "select", "from", "where", "'x'", "\"q\"", "current_setting",
            "current_user", "or", "and", "is", "null", "~~", "like", "in", "exists", ",", "between", "case", "1", "$$",
            "'", "--",
        ]
        var state = UInt64(seed) &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let text = (0..<40).map { _ -> String in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return words[Int(state >> 33) % words.count]
        }.joined(separator: " ")
        var catalog = LintCatalog()
        catalog.version = 180_004
        let name = ObjectName("s", "t")
        catalog.schemas[1] = LintSchema(oid: 1, name: "s", owner: 10, isSystem: false)
        catalog.relations[2] = LintRelation(
            oid: 2, space: 1, name: name, kind: .table, owner: 10, isSecured: true, isForced: false, isPartition: false,
            rows: 5000, isInvoker: false, isBarrier: false)
        catalog.columns[2] = ["a": LintColumn(name: "a", type: "uuid", isNotNull: false, leadsIndex: false)]
        catalog.policies = [
            LintPolicy(
                relation: 2, table: name, name: "p", isPermissive: true, command: .all, roles: [0], using: text,
                check: text, columns: ["a"], functions: [], relations: [], place: nil)
        ]
        let facts = LintFacts(catalog)
        #expect(throws: Never.self) {
            for rule in LintRule.all { _ = try rule.findings(in: facts) }
        }
    }

    @Test func `a quote that is never closed ends the text`() {
        #expect(ExpressionToken.tokens(of: "a = 'b").map(\.text) == ["a", "=", "b"])
        #expect(ExpressionToken.tokens(of: "/* open").isEmpty)
        #expect(ExpressionToken.tokens(of: "$a$ open").map(\.text) == ["$", "a$", "open"])
    }

    @Test(arguments: [
        (150_018, 0), (160_014, 0), (180_004, 0), (150_013, 1), (150_002, 6), (160_002, 3), (140_010, 3), (90_501, 6),
    ]) func `a server's release tells which holes it still has`(_ version: Int, _ count: Int) {
        #expect(ServerRules.open(in: version).count == count, "\(ServerRules.open(in: version))")
    }

    @Test func `a server that is behind is found`() throws {
        var catalog = LintCatalog()
        catalog.version = 150_013
        let rule = try #require(LintRule.all.first { $0.id == "server-version" })
        let findings = try rule.findings(in: LintFacts(catalog))
        #expect(findings.map(\.object.description) == ["server 15.13"])
        #expect(findings.first?.evidence.contains("CVE-2025-8713") == true)
        catalog.version = 150_014
        #expect(try rule.findings(in: LintFacts(catalog)).isEmpty)
    }

    @Test func `every rule has an identifier of its own, in kebab-case, with a title and a source`() {
        #expect(Set(LintRule.all.map(\.id)).count == LintRule.all.count)
        for rule in LintRule.all {
            #expect(rule.id.allSatisfy { $0.isLowercase || $0 == "-" || $0.isNumber }, "\(rule.id)")
            #expect(!rule.title.isEmpty && !rule.source.isEmpty)
        }
    }

    @Test func `every rule is documented with its severity, and no other`() throws {
        let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
        let text = String(
            decoding: try Files.read(root.removingLastComponent().appending("Documentation/lint.md")), as: UTF8.self)
        let documented = text.split(separator: "\n").filter { $0.hasPrefix("| `") }.map { line in
            line.split(separator: "|").prefix(2).map { $0.filter { $0 != " " && $0 != "`" } }.joined(separator: " ")
        }
        #expect(documented == LintRule.all.map { "\($0.id) \($0.severity.rawValue)" })
    }

    @Test func `a role that the document retires is not one of its roles`() throws {
        var catalog = LintCatalog()
        for (oid, name) in [(1, "app"), (2, "old")] as [(UInt32, String)] {
            var attributes = RoleState()
            attributes.login = true
            catalog.roles[oid] = LintRole(oid: oid, name: name, attributes)
        }
        let text = "{ \"version\": 1, \"roles\": { \"app\": {}, \"old\": { \"state\": \"absent\" } } }"
        let policy = try PolicyFile(bytes: Array(text.utf8), named: "policy p.json").policy
        #expect(LintTrust(catalog, policy).low.keys.sorted() == [1])
    }

    @Test func `a role that can only administer a group does not act with its rights`() {
        var catalog = LintCatalog()
        catalog.version = 160_000
        for (oid, name) in [(1, "app"), (2, "group"), (3, "top")] as [(UInt32, String)] {
            var attributes = RoleState()
            attributes.login = oid == 1
            catalog.roles[oid] = LintRole(oid: oid, name: name, attributes)
        }
        catalog.memberships = [
            LintMembership(role: 2, member: 1, grantor: 10, admin: true, inherit: false, set: false),
            LintMembership(role: 3, member: 1, grantor: 10, admin: false, inherit: false, set: true),
        ]
        let trust = LintTrust(catalog, nil)
        #expect(trust.reachable[1] == [1, 3])
        #expect(trust.inherited[1] == [1])
        #expect(trust.reach[0] == [0, 1])
    }
}
