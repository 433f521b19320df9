import TestSupport

@testable import AccessPolicy

/// Makes documents over `EveryKind`, and statements that people would run by hand, the same for the same seed.
struct RandomPolicy {
    var generator: SplitMix
    let version: Int
    private var isAlone = false
    let roles = ["one@", "two@", "three@", "owner@", "heir@", "maker@", "four@", "five@"]
    init(seed: UInt64, version: Int) {
        generator = SplitMix(state: seed)
        self.version = version
    }

    // MARK: - Chance

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < percent }

    mutating func one<Value>(of list: [Value]) -> Value {
        list[Int.random(in: 0..<list.count, using: &generator)]
    }

    mutating func some<Value>(of list: [Value], _ most: Int = 3) -> [Value] {
        Array(list.shuffled(using: &generator).prefix(Int.random(in: 1...most, using: &generator)))
    }

    // MARK: - What there is

    private struct Target {
        let kind: ObjectKind
        let words: [String]
        let hasFuture: Bool
    }

    private static let tables = [
        "app.users", "app.orders", "app.parts", "app.parts_eu", "app.emails", "app.counts", "app.far", "app.*",
        "\"Odd.one\".*", "\"Odd.one\".\"t \"\"x\"\"\"",
    ]

    private static let targets: [Target] = [
        Target(kind: .database, words: ["true"], hasFuture: false),
        Target(kind: .schema, words: ["app", "Odd.one"], hasFuture: false),
        Target(kind: .table, words: tables, hasFuture: true),
        Target(kind: .table, words: tables, hasFuture: true),
        Target(kind: .column, words: ["id", "email", "secret"], hasFuture: false),
        Target(
            kind: .sequence, words: ["app.*", "app.free", "app.orders_id_seq", "\"Odd.one\".*", "\"Odd.one\".s'eq"],
            hasFuture: true),
        Target(
            kind: .function,
            words: [
                "app.*", "\"Odd.one\".*", "app.total(int, numeric(10,2))", "app.total(int4[])",
                "app.tidy(int)",
                "app.tidy(integer, text)", "app.tidy()", "app.sum_of(int)", "\"Odd.one\".\"f()\"(\"Odd.one\".\"d o\")",
            ], hasFuture: true),
        Target(
            kind: .type,
            words: [
                "app.*", "\"Odd.one\".*", "app.mood", "app.positive", "app.pair", "app.span", "\"Odd.one\".\"d o\"",
            ],
            hasFuture: true),
        Target(kind: .language, words: ["sql", "plpgsql", "tongue"], hasFuture: false),
        Target(kind: .foreignDataWrapper, words: ["wrap per"], hasFuture: false),
        Target(kind: .foreignServer, words: ["remote", "other.remote"], hasFuture: false),
        Target(kind: .largeObject, words: ["7001", "7002", "7003"], hasFuture: false),
        Target(kind: .tablespace, words: ["space@"], hasFuture: false),
        Target(kind: .parameter, words: ["Work_Mem", "app.Own", "DateStyle"], hasFuture: false),
    ]

    private func json(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    private func json(_ list: [String]) -> String { "[" + list.map(json).joined(separator: ", ") + "]" }

    private func on(_ kind: ObjectKind, _ words: [String]) -> String {
        switch kind {
        case .database: "{ \"database\": true }"
        case .column: "{ \"columns\": { \"app.users\": \(json(words)) } }"
        case .largeObject: "{ \"largeObjects\": [\(words.joined(separator: ", "))] }"
        default: "{ \"\(kind.key)\": \(json(words)) }"
        }
    }

    // MARK: - Documents

    /// A document that says no privilege twice and gives no object two owners.
    ///
    /// - Parameter isAlone: nothing that other tests on the same server could meet.
    mutating func policy(_ mode: Policy.Mode? = nil, isAlone: Bool = false) -> String {
        self.isAlone = isAlone
        let authoritative = mode.map { $0 == .authoritative } ?? chance(60)
        var parts = ["\"version\": 1"]
        if authoritative {
            let managed = chance(30) ? ["*@", "PUBLIC"] : ["*@"]
            parts.append("\"mode\": \"authoritative\"")
            parts.append(
                "\"manages\": { \"schemas\": \(json(one(of: [["*"], ["app"], ["Odd*"]]))), \"roles\": \(json(managed)), "
                    + "\"database\": \(chance(80)), \"cluster\": \(chance(70)) }")
        }
        parts.append("\"roles\": { \(declaredRoles().joined(separator: ",\n")) }")
        if chance(60) { parts.append("\"owners\": [\(owners().joined(separator: ",\n"))]") }
        parts.append("\"grants\": [\(grants().joined(separator: ",\n"))]")
        if chance(70) { parts.append("\"defaultPrivileges\": [\(defaults().joined(separator: ",\n"))]") }
        if chance(70) { parts.append("\"rowSecurity\": { \(rowSecurity().joined(separator: ",\n")) }") }
        return "{ " + parts.joined(separator: ",\n") + " }"
    }

    private mutating func declaredRoles() -> [String] {
        // Always the two that no statement makes, since anything may name them.
        let names = Set(["four@", "five@"] + some(of: roles, 5)).sorted()
        return names.map { name in
            var keys: [String] = []
            for key in ["login", "createdb", "inherit", "replication", "bypassRls"] where chance(20) {
                keys.append("\"\(key)\": \(chance(50))")
            }
            if chance(20) { keys.append("\"connectionLimit\": \(one(of: [-1, 0, 7]))") }
            if chance(30) {
                keys.append(
                    "\"validUntil\": \(json(one(of: ["infinity", "2031-05-06", "1999-12-31T23:59:59Z", "2030-01-01T00:00:00.25Z"])))"
                )
            }
            for key in ["settings", "settingsInDatabase"] where chance(30) {
                keys.append("\"\(key)\": { \(settings().joined(separator: ", ")) }")
            }
            let memberships = membershipsOf(name)
            if !memberships.isEmpty { keys.append("\"memberOf\": [\(memberships.joined(separator: ", "))]") }
            return "\(json(name)): { \(keys.joined(separator: ", ")) }"
        }
    }

    private mutating func settings() -> [String] {
        some(
            of: [
                "\"work_mem\": 4096", "\"search_path\": [\"app\", \"Odd.one\", \"$user\"]",
                "\"app.tenant\": \"it's\\\\ x\"",
                "\"statement_timeout\": \"30s\"", "\"DateStyle\": \"ISO, DMY\"", "\"enable_seqscan\": false",
            ])
    }

    /// Only of roles that come later in the list: memberships have no circles.
    private mutating func membershipsOf(_ name: String) -> [String] {
        let later = Array(roles.drop { $0 != name }.dropFirst())
        guard !later.isEmpty, chance(60) else { return [] }
        return some(of: later, 2).map { role in
            var keys = ["\"role\": \(json(role))"]
            if chance(40) { keys.append("\"admin\": \(chance(50))") }
            if version >= 160_000 {
                if chance(30) { keys.append("\"inherit\": \(chance(50))") }
                if chance(30) { keys.append("\"set\": \(chance(50))") }
            }
            return keys.count == 1 && chance(50) ? json(role) : "{ \(keys.joined(separator: ", ")) }"
        }
    }

    private mutating func owners() -> [String] {
        var seen: Set<String> = []
        return (0..<4).compactMap { _ in
            let target = one(of: Self.targets)
            guard ![.column, .parameter, .foreignDataWrapper].contains(target.kind) else { return nil }
            let words = some(of: target.words).filter {
                $0 != "app.orders_id_seq" && seen.insert("\(target.kind) \($0)").inserted
            }
            guard !words.isEmpty else { return nil }
            return "{ \"owner\": \(json(one(of: ["owner@", "heir@", "four@"]))), \"on\": \(on(target.kind, words)) }"
        }
    }

    private mutating func privileges(of kind: ObjectKind) -> [String] {
        let known = kind.privileges(onVersion: version).names
        return chance(25) ? ["ALL"] : some(of: known)
    }

    private mutating func grants() -> [String] {
        var seen: Set<String> = []
        return (0..<Int.random(in: 3...12, using: &generator)).compactMap { _ in
            let target = one(of: Self.targets)
            let words = some(of: target.words)
            // What all databases share is not tried with PUBLIC: other tests would see it.
            let to = chance(15) && !target.kind.isClusterWide ? ["PUBLIC"] : some(of: roles)
            if isAlone, target.kind == .parameter { return nil }
            let privileges = chance(8) ? [] : privileges(of: target.kind)
            // One declaration for each kind and grantee, so that nothing is said twice and no order is contradicted.
            guard to.allSatisfy({ seen.insert("\(target.kind) \($0)").inserted }) else { return nil }
            var keys = [
                "\"to\": \(json(to))", "\"on\": \(on(target.kind, words))", "\"privileges\": \(json(privileges))",
            ]
            if !privileges.isEmpty {
                if to != ["PUBLIC"], chance(30) { keys.append("\"withGrantOption\": true") }
                if target.hasFuture, words.allSatisfy({ $0.hasSuffix("*") }), chance(50) {
                    keys.append("\"future\": { \"createdBy\": \(json(some(of: ["owner@", "maker@"]))) }")
                }
            }
            return "{ \(keys.joined(separator: ", ")) }"
        }
    }

    private mutating func defaults() -> [String] {
        var seen: Set<String> = []
        let kinds: [ObjectKind] =
            [.table, .sequence, .function, .type, .schema] + (version >= 180_000 ? [.largeObject] : [])
        return (0..<5).compactMap { _ in
            let kind = one(of: kinds)
            // Other creators than those of `future`.
            let creators = some(of: ["heir@", "four@"], 2)
            let isNone = chance(25)
            let to = chance(30) ? ["PUBLIC"] : some(of: ["one@", "two@", "five@"] + (isNone ? [] : creators))
            let hasSchemas = kind != .schema && kind != .largeObject && chance(50)
            if isNone, hasSchemas, to == ["PUBLIC"] { return nil }
            guard to.allSatisfy({ seen.insert("\(kind) \($0)").inserted }) else { return nil }
            var keys = [
                "\"createdBy\": \(json(creators))", "\"on\": \"\(kind.key)\"", "\"to\": \(json(to))",
                "\"privileges\": \(json(isNone ? [] : privileges(of: kind)))",
            ]
            if hasSchemas { keys.append("\"schemas\": \(json(some(of: ["app", "Odd.one"], 2)))") }
            if !isNone, to != ["PUBLIC"], chance(30) { keys.append("\"withGrantOption\": true") }
            return "{ \(keys.joined(separator: ", ")) }"
        }
    }

    static let expressions = [
        "true", "user_id > 0 -- positive", "orders.note is not null", "app.orders.user_id in (1, 2, 3)",
        "tableoid = 'app.orders'::regclass and (orders)::text <> ''",
        "exists (select 1 from app.orders o where o.id = orders.id and o.user_id = 7)",
        "user_id = (select nullif(current_setting('app.user', true), '')::bigint)",
        "note ~~ 'a%' or not (note is null)",
        "coalesce(note, 'x'::text) = any (array['x','y'])", "orders is not null", "(n, id) < (1, 2)",
        "case when id = 1 then note = 'a' else user_id between 1 and 5 end",
    ]

    private static let matches = [
        "{ \"column\": \"user_id\", \"type\": \"bigint\", \"setting\": \"app.user\" }",
        "{ \"column\": \"user_id\", \"type\": \"bigint\", \"setting\": \"app.user\", \"through\": "
            + "{ \"table\": \"app.members\", \"member\": \"user_id\", \"group\": \"org_id\" } }",
    ]

    private mutating func rowSecurity() -> [String] {
        let names = some(of: ["own", "all of it", "floor", "it's \"mine\""], 4)
        let policies = names.map { name in
            let command = one(of: PolicyCommand.allCases)
            var keys = [
                "\"name\": \(json(name))", "\"to\": \(json(chance(25) ? ["PUBLIC"] : some(of: roles)))",
                "\"for\": \"\(command.rawValue)\"",
            ]
            if chance(25) { keys.append("\"restrictive\": true") }
            if chance(30) {
                keys.append("\"match\": \(one(of: Self.matches))")
            } else {
                if command.hasUsing { keys.append("\"using\": \(json(one(of: Self.expressions)))") }
                if command.hasCheck, !command.hasUsing || chance(50) {
                    keys.append("\"check\": \(json(one(of: Self.expressions)))")
                }
            }
            return "{ \(keys.joined(separator: ", ")) }"
        }
        var keys = ["\"policies\": [\(policies.joined(separator: ",\n"))]"]
        if chance(30) { keys.append("\"enable\": \(chance(70))") }
        if chance(30) { keys.append("\"force\": \(chance(50))") }
        let orders = "\"app.orders\": { \(keys.joined(separator: ", ")) }"
        return chance(50) ? [orders] : [orders, "\"app.parts\": { \"force\": \(chance(50)) }"]
    }
}

/// Good enough, and the same on every machine.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
