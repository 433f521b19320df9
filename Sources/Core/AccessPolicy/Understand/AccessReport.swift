import Cryptography
import FoundationEssentials
package import Platform

/// Who may do what in one database at one moment, for somebody who was not there.
package struct AccessReport: Sendable {
    /// What is reported, and signed off: nothing in it changes with the hour or with who looks.
    package struct Content: Sendable, Encodable {
        package let database: String
        package let roles: [RoleFacts]
        package let groups: [AccessMatrix.Group]
        /// What the policy document gives until a day; nil when no policy was given.
        package let timeLimits: [TimeLimit]?
    }

    package let content: Content
    /// SHA-256 of the content as JSON: sorted keys, no blanks.
    package let sha256: String
    package let summary: Summary
    /// The release of the server, as `15.18`.
    package let server: String
    package let takenAt: Timestamp
    package let takenBy: String
    package let isReview: Bool
    package var signature: Signature?

    package struct Signature: Sendable, Encodable {
        package let name: String
        package let at: String
        /// The audit record's number.
        package let record: Int

        package init(name: String, at: String, record: Int) {
            self.name = name
            self.at = at
            self.record = record
        }
    }

    package init(
        _ access: EffectiveAccess, policy: Policy? = nil, isReview: Bool = false, at now: Timestamp
    ) throws {
        let matrix = AccessMatrix(access)
        content = Content(
            database: access.snapshot.server.database, roles: matrix.roles, groups: matrix.groups,
            timeLimits: policy.map(TimeLimit.all))
        sha256 = SHA256.hash(try Self.json(content)).hex
        summary = Summary(content, access)
        let version = access.snapshot.server.version
        server = "\(version / 10000).\(version % 10000)"
        takenAt = now
        takenBy = access.snapshot.server.user
        self.isReview = isReview
    }

    static func json(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }
}

extension AccessReport: Encodable {
    private enum Keys: String, CodingKey {
        case access, sha256, summary, server, takenAt, takenBy, review, signature
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(content, forKey: .access)
        try container.encode(sha256, forKey: .sha256)
        try container.encode(summary, forKey: .summary)
        try container.encode(server, forKey: .server)
        try container.encode(takenAt.brief, forKey: .takenAt)
        try container.encode(takenBy, forKey: .takenBy)
        try container.encode(isReview, forKey: .review)
        try container.encodeIfPresent(signature, forKey: .signature)
    }
}

extension AccessReport {
    /// The numbers and names to look at first.
    package struct Summary: Sendable, Encodable {
        package let objects: Int
        package let tables: Int
        package let tablesWithRowSecurity: Int
        package let roles: Int
        package let loginRoles: Int
        package let superusers: [String]
        /// Roles that may become a superuser by SET ROLE.
        package let mayBecomeSuperuser: [String]
        package let bypassRls: [String]
        package let createrole: [String]
        package let replication: [String]
        /// Roles that can log in and whose password never expires.
        package let loginWithoutExpiry: [String]
        /// Objects on which PUBLIC holds something.
        package let objectsOpenToPublic: Int

        init(_ content: Content, _ access: EffectiveAccess) {
            let own = access.snapshot.objects.filter { !$0.value.isExtensionMember }
            objects = own.count
            tables = own.count { $0.key.kind == .table }
            tablesWithRowSecurity = access.snapshot.security.count { $0.value.isEnabled }
            roles = content.roles.count
            loginRoles = content.roles.count(where: \.login)
            superusers = content.roles.filter(\.superuser).map(\.name)
            mayBecomeSuperuser = content.roles.filter { !$0.becomes.isEmpty }.map(\.name)
            bypassRls = content.roles.filter { $0.bypassRls && !$0.superuser }.map(\.name)
            createrole = content.roles.filter { $0.createrole && !$0.superuser }.map(\.name)
            replication = content.roles.filter { $0.replication && !$0.superuser }.map(\.name)
            loginWithoutExpiry = content.roles.filter { $0.login && $0.validUntil == nil }.map(\.name)
            objectsOpenToPublic = content.groups.filter { group in
                group.kind != .column && group.access.contains { $0.roles.contains("PUBLIC") }
            }.reduce(0) { $0 + $1.objects.reduce(0) { $0 + $1.names.count } }
        }
    }
}

/// Something that the policy document gives until a day.
package struct TimeLimit: Sendable, Encodable {
    package let what: String
    package let until: String

    /// Memberships and grants that have an end, the first to end before the others.
    static func all(in policy: Policy) -> [TimeLimit] {
        let memberships = policy.roles.flatMap { role in
            role.memberOf.map { ("membership of \(spelled(role.name)) in \(spelled($0.role))", $0.until) }
        }
        let grants = policy.grants.map { grant in
            let grantees = grant.grantees.map { spelled($0.description) }.joined(separator: ", ")
            return ("\(grant.privileges.words) on \(grant.target.words.brief()) to \(grantees)", grant.until)
        }
        return (memberships + grants).compactMap { what, until in
            until.map { TimeLimit(what: what, until: $0.brief) }
        }.sorted { ($0.until, $0.what) < ($1.until, $1.what) }
    }
}

extension PrivilegeList {
    fileprivate var words: String {
        switch self {
        case .all: "ALL"
        case .these(let set): set.description
        }
    }
}
