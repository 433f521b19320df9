package import Platform
package import PostgresClient

/// One difference between a policy and a database, with the SQL that removes it.
package struct Change: Sendable, Encodable {
    package enum Kind: String, Sendable, Encodable {
        case createRole
        case alterRole
        case setPassword
        case setSetting
        case grantMembership
        case revokeMembership
        case revoke
        case grant
        case grantDefault
        case revokeDefault
        case alterOwner
        case rowSecurity
        case createPolicy
        case alterPolicy
        case dropPolicy
    }

    /// What it does to access.
    package enum Effect: String, Sendable, Encodable {
        case widens
        case narrows
        /// Either may be true: a changed expression, a setting.
        case changes
    }

    package let kind: Kind
    package let effect: Effect
    /// The statements in the order to run them; a password stands as `<verifier>` and is sent apart.
    package let sql: [String]
    package let reason: String
    /// How many rights this takes away because the policy does not name them: what `--max-revokes` counts.
    package let revokes: Int
    /// The role whose password this sets.
    package let passwordOf: String?
    /// The table that this locks ACCESS EXCLUSIVE until the end of the transaction.
    package let lockedTable: ObjectName?

    package init(
        _ kind: Kind, _ effect: Effect, _ statements: [SQL], reason: String, revokes: Int = 0,
        passwordOf: String? = nil, locking lockedTable: ObjectName? = nil
    ) throws(PlainFailure) {
        var texts: [String] = []
        for statement in statements { texts.append(try statement.text()) }
        self.kind = kind
        self.effect = effect
        self.sql = texts
        self.reason = reason
        self.revokes = revokes
        self.passwordOf = passwordOf
        self.lockedTable = lockedTable
    }
}

/// What has to change so that a database is as its policy says; nothing in it is done yet.
package struct Plan: Sendable {
    package var changes: [Change] = []
    /// What is there, not declared, and stays.
    package var undeclared: [String] = []
    /// What could not be compared, and why.
    package var notes: [String] = []

    package init() {}

    package var isEmpty: Bool { changes.isEmpty }
    package var revokes: Int { changes.reduce(0) { $0 + $1.revokes } }

    /// The locks that stay until COMMIT and keep others out: row security's.
    package var locks: [PlannedLock] {
        Set(changes.compactMap(\.lockedTable)).sorted().map { PlannedLock(table: $0, mode: .accessExclusive) }
    }

    package func count(_ effect: Change.Effect) -> Int {
        changes.count { $0.effect == effect }
    }

    /// All statements as one text, in order: what the audit log's digest is taken of.
    package var script: String {
        changes.flatMap(\.sql).map { $0 + ";\n" }.joined()
    }
}

/// A lock that an apply takes and holds until it ends.
package struct PlannedLock: Sendable, Hashable, Encodable {
    package enum Mode: String, Sendable, Encodable {
        case accessExclusive = "ACCESS EXCLUSIVE"
    }

    package let table: ObjectName
    package let mode: Mode
}

/// A mistake in a policy that only a comparison with the database, or with the rest of the policy, shows.
package struct PolicyProblem: Error, Equatable {
    /// The place in the document, as `CommentedJSON.failure(at:_:)` takes it.
    package let path: String
    package let problem: String

    package init(_ path: String, _ problem: String) {
        self.path = path
        self.problem = problem
    }
}
