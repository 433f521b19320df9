@testable import AccessPolicy

extension RandomPolicy {
    /// Statements of people who do not know of the policy; some of them fail, and that is no matter.
    mutating func statements() -> [String] {
        (0..<Int.random(in: 5...25, using: &generator)).map { _ in statement() }
    }

    private mutating func statement() -> String {
        let (privilege, object) = one(of: Self.byHand)
        let others =
            object.contains("PARAMETER") || object.contains("TABLESPACE") ? ["stranger@x"] : ["stranger@x", "PUBLIC"]
        let (from, to) = (one(of: roles), one(of: roles + others))
        let option = to != "PUBLIC" && chance(40) ? " WITH GRANT OPTION" : ""
        switch Int.random(in: 0..<12, using: &generator) {
        case 0...3: return "GRANT \(privilege) ON \(object) TO \(to)\(option)"
        case 4, 5:
            return
                "GRANT USAGE ON SCHEMA app TO \(from); GRANT \(privilege) ON \(object) TO \(from) WITH GRANT OPTION; "
                + "SET ROLE \(from); GRANT \(privilege) ON \(object) TO \(to)\(option)"
        case 6: return "REVOKE \(privilege) ON \(object) FROM \(to) CASCADE"
        case 7:
            let place = one(of: ["", " IN SCHEMA app"])
            let (words, kind) = one(of: [
                ("SELECT", "TABLES"), ("EXECUTE", "FUNCTIONS"), ("USAGE", "TYPES"), ("ALL", "SEQUENCES"),
            ])
            let verb = chance(60) ? "GRANT \(words) ON \(kind) TO \(to)" : "REVOKE \(words) ON \(kind) FROM \(to)"
            return "ALTER DEFAULT PRIVILEGES FOR ROLE \(one(of: ["owner@", "heir@", "maker@"]))\(place) \(verb)"
        case 8:
            let table = one(of: [
                "TABLE app.users", "TABLE app.orders", "VIEW app.emails", "SEQUENCE app.free", "TYPE app.mood",
            ])
            return "ALTER \(table) OWNER TO \(one(of: ["owner@", "heir@", "one@", "postgres"]))"
        case 9: return membershipByHand()
        case 10:
            return
                "ALTER ROLE \(from) \(one(of: ["", "IN DATABASE DBNAME "]))SET \(one(of: ["work_mem TO '1MB'", "app.tenant TO 'q'"]))"
        default:
            let using = one(of: Self.expressions)
            return
                "CREATE POLICY \(one(of: ["own", "floor", "stray"])) ON app.orders\(chance(30) ? " AS RESTRICTIVE" : "") TO \(to) USING (\(using)\n)"
        }
    }

    private mutating func membershipByHand() -> String {
        let index = Int.random(in: 0..<5, using: &generator)
        let (member, role) = (roles[index], one(of: Array(roles[(index + 1)..<6])))
        let through = roles[Int.random(in: 0...index, using: &generator)]
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: return "GRANT \(role) TO \(member) WITH ADMIN OPTION"
        case 1 where version >= 160_000:
            return "GRANT \(role) TO \(member) WITH INHERIT \(chance(50)), SET \(chance(50))"
        case 2:
            return "GRANT \(role) TO \(through) WITH ADMIN OPTION; SET ROLE \(through); "
                + "GRANT \(role) TO \(member)\(chance(40) ? " WITH ADMIN OPTION" : "")"
        default: return "SET ROLE maker@; CREATE ROLE \(one(of: ["made@", "four@", "five@"]))"
        }
    }

    private static let byHand = [
        ("SELECT", "app.users"), ("INSERT, UPDATE", "app.users"), ("ALL", "app.orders"), ("DELETE", "app.parts"),
        ("SELECT (email), UPDATE (id)", "app.users"), ("SELECT", "\"Odd.one\".\"t \"\"x\"\"\""),
        ("USAGE", "SEQUENCE app.free"), ("ALL", "SEQUENCE app.orders_id_seq"), ("EXECUTE", "FUNCTION app.total(text)"),
        ("EXECUTE", "PROCEDURE app.tidy(IN integer, IN text)"), ("USAGE", "TYPE app.mood"),
        ("USAGE", "TYPE app.positive"),
        ("USAGE", "LANGUAGE sql"), ("USAGE", "LANGUAGE tongue"), ("USAGE", "FOREIGN DATA WRAPPER \"wrap per\""),
        ("USAGE", "FOREIGN SERVER remote"), ("SELECT", "LARGE OBJECT 7001"), ("ALL", "LARGE OBJECT 7003"),
        ("CREATE", "TABLESPACE space@"), ("SET", "PARAMETER work_mem"), ("ALTER SYSTEM", "PARAMETER app.own"),
        ("CREATE", "SCHEMA app"), ("USAGE", "SCHEMA app"), ("CREATE, TEMP", "DATABASE DBNAME"),
        ("CONNECT", "DATABASE DBNAME"),
    ]
}
