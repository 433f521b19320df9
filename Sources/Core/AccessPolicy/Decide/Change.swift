package import Platform
package import PostgresClient

/// One difference between a policy and a database, with the SQL that removes it.
package struct Change: Sendable, Equatable {
    package enum Kind: String, Sendable, Codable {
        case createRole
        case alterRole
        case setPassword
        case setSetting
        case setSettingInDatabase
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
        case reassignOwned
        case dropOwned
        case dropRole
        /// A script that leads back.
        case undo

        /// False for what no script brings back: an old password, or what was dropped with a role.
        package var isUndoable: Bool {
            switch self {
            case .setPassword, .reassignOwned, .dropOwned, .dropRole: false
            default: true
            }
        }

        /// Whether it is about what all databases of a server share.
        package var isClusterWide: Bool {
            switch self {
            case .createRole, .alterRole, .setPassword, .setSetting, .grantMembership, .revokeMembership, .dropRole:
                true
            default: false
            }
        }
    }

    /// What it does to access.
    package enum Effect: String, Sendable, Codable {
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
    /// The tables that this locks ACCESS EXCLUSIVE until the end of the transaction.
    package let lockedTables: [ObjectName]
    /// What the connected role needs for it.
    package let requires: Set<Requirement>

    package init(
        _ kind: Kind, _ effect: Effect, _ statements: [SQL], reason: String, revokes: Int = 0,
        passwordOf: String? = nil, locking lockedTables: [ObjectName] = [], requires: Set<Requirement> = []
    ) throws(PlainFailure) {
        var texts: [String] = []
        for statement in statements { texts.append(try statement.text()) }
        self.kind = kind
        self.effect = effect
        self.sql = texts
        self.reason = reason
        self.revokes = revokes
        self.passwordOf = passwordOf
        self.lockedTables = lockedTables
        self.requires = requires
    }
}

/// What a plan shows of a change, to programs and in a saved plan; what it requires is found again from the database.
extension Change: Codable {
    private enum Keys: String, CodingKey {
        case kind, effect, sql, reason, revokes, passwordOf, undoable
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        kind = try container.decode(Kind.self, forKey: .kind)
        effect = try container.decode(Effect.self, forKey: .effect)
        sql = try container.decode([String].self, forKey: .sql)
        reason = try container.decode(String.self, forKey: .reason)
        revokes = try container.decode(Int.self, forKey: .revokes)
        passwordOf = try container.decodeIfPresent(String.self, forKey: .passwordOf)
        lockedTables = []
        requires = []
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(kind, forKey: .kind)
        try container.encode(effect, forKey: .effect)
        try container.encode(sql, forKey: .sql)
        try container.encode(reason, forKey: .reason)
        try container.encode(revokes, forKey: .revokes)
        try container.encodeIfPresent(passwordOf, forKey: .passwordOf)
        try container.encode(kind.isUndoable, forKey: .undoable)
    }
}

extension Change {
    /// The role whose goods this gives away or drops, or which it drops.
    var retiredRole: String? {
        for need in requires {
            switch (kind, need) {
            case (.reassignOwned, .admit(let role)), (.dropOwned, .admit(let role)), (.dropRole, .alter(let role)):
                return role
            default: continue
            }
        }
        return nil
    }
}

/// What has to change so that a database is as its policy says; nothing in it is done yet.
package struct Plan: Sendable {
    package var changes: [Change] = []
    /// What is there, not declared, and stays.
    package var undeclared: [String] = []
    /// What could not be compared, and why.
    package var notes: [String] = []
    /// The rights that the connected role would need for it and has not.
    package var lacking: [String] = []

    package init() {}

    package var isEmpty: Bool { changes.isEmpty }
    package var revokes: Int { changes.reduce(0) { $0 + $1.revokes } }

    /// The locks that stay until COMMIT and keep others out: those of row security and of new owners.
    package var locks: [PlannedLock] {
        Set(changes.flatMap(\.lockedTables)).sorted().map { PlannedLock(table: $0, mode: .accessExclusive) }
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
