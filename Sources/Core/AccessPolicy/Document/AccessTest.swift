import Platform

/// A statement run as a role, and what must come of it.
package struct AccessTest: Sendable {
    package enum Expectation: Sendable, Equatable {
        /// These rows, in this order, each value as PostgreSQL prints it; nil is NULL.
        case rows([[String?]])
        /// So many rows are changed: 0 where policies filter all of them away.
        case affected(Int)
        /// The act is refused, and by what.
        case denied(Denial)
        /// It fails with this SQLSTATE.
        case error(String)
    }

    /// What refuses an act.
    package enum Denial: String, Sendable, CaseIterable {
        /// Whatever refuses it.
        case any
        /// The role lacks the privilege.
        case grant
        /// The WITH CHECK of a policy refuses the row.
        case policy
    }

    package let name: String?
    package let role: String
    package let settings: [RoleSetting]
    /// Statements run before, as the connected role: rows to look at, undone with the test.
    package let given: [String]
    package let statement: String
    package let expectation: Expectation

    package init(
        name: String? = nil, as role: String, with settings: [RoleSetting] = [], given: [String] = [],
        run statement: String, expect expectation: Expectation
    ) {
        self.name = name
        self.role = role
        self.settings = settings
        self.given = given
        self.statement = statement
        self.expectation = expectation
    }
}

/// A plain value in JSON, as PostgreSQL would print it.
struct Scalar: Decodable {
    let text: String?

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            text = nil
        } else if let value = try? container.decode(Bool.self) {
            text = value ? "t" : "f"
        } else if let value = try? container.decode(Int64.self) {
            text = String(value)
        } else if let value = try? container.decode(Double.self) {
            text = String(value)
        } else {
            text = try container.decode(String.self)
        }
    }
}

extension AccessTest: Decodable {
    private enum Keys: String, CodingKey, CaseIterable {
        case role = "as"
        case name, with, given, run, expect
    }

    private enum ExpectKeys: String, CodingKey, CaseIterable {
        case rows, affected, denied, error
    }

    /// What a test may begin with: nothing that ends the transaction, changes the role or writes outside of it.
    private static let verbs = ["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES", "TABLE", "TRUNCATE"]

    package init(from decoder: any Decoder) throws {
        let container = try decoder.strict(Keys.self)
        let given = try container.decodeIfPresent([String].self, forKey: .given) ?? []
        for (index, statement) in given.enumerated() {
            if let problem = Self.problem(with: statement) {
                throw container.rejection(.given, at: index, problem)
            }
        }
        let statement = try container.decode(String.self, forKey: .run)
        if let problem = Self.problem(with: statement) { throw container.rejection(.run, problem) }
        self.init(
            name: try container.decodeIfPresent(String.self, forKey: .name),
            as: try container.decode(String.self, forKey: .role),
            with: try container.named(RoleSetting.self, forKey: .with).sorted { $0.name < $1.name },
            given: given, run: statement,
            expect: try Self.expectation(from: container.superDecoder(forKey: .expect)))
    }

    private static func expectation(from decoder: any Decoder) throws -> Expectation {
        let container = try decoder.strict(ExpectKeys.self)
        switch container.allKeys {
        case [.rows]:
            return .rows(try container.decode([[Scalar]].self, forKey: .rows).map { $0.map(\.text) })
        case [.affected]:
            let count = try container.decode(Int.self, forKey: .affected)
            guard count >= 0 else { throw container.rejection(.affected, "\(count) is not a number of rows") }
            return .affected(count)
        case [.denied]:
            return .denied(try denial(in: container))
        case [.error]:
            let code = try container.decode(String.self, forKey: .error)
            let isCode =
                code.utf8.count == 5 && code.utf8.allSatisfy { (48...57).contains($0) || (65...90).contains($0) }
            guard isCode else {
                throw container.rejection(.error, "\"\(code)\" is not an SQLSTATE, as 23505 would be")
            }
            return .error(code)
        default:
            throw decoder.rejection(
                "exactly one of {\"rows\": [...]}, {\"affected\": 0}, {\"denied\": true} and {\"error\": \"23505\"} "
                    + "is expected")
        }
    }

    private static func denial(in container: KeyedDecodingContainer<ExpectKeys>) throws -> Denial {
        if let flag = try? container.decode(Bool.self, forKey: .denied) {
            if flag { return .any }
        } else if let word = try? container.decode(String.self, forKey: .denied) {
            if let denial = Denial(rawValue: word), denial != .any { return denial }
        }
        throw container.rejection(.denied, "true, \"grant\" or \"policy\" is expected")
    }

    private static func problem(with statement: String) -> String? {
        let verb = statement.drop { $0.isWhitespace || $0 == "(" }.prefix { $0.isLetter }.uppercased()
        guard verbs.contains(verb) else {
            return "a test is one statement that begins with \(verbs.dropLast().joined(separator: ", ")) or TRUNCATE"
        }
        return nil
    }
}
