package import Cryptography
import Platform

/// What a proof compares a restored backup with: the file `index.json`.
///
/// It is encrypted, since names and digests of small tables tell.
package struct IndexDocument: Sendable, Equatable, Codable {
    package static let currentSchema = 1

    package var schema = IndexDocument.currentSchema
    package var label: String
    package var run: String
    package var cluster: ClusterFacts
    package var databases: [DatabaseIndex]
    /// The databases that the manifest calls failed, with the whole reason; nil when there are none.
    package var failed: [Failed]?
    /// Where the server's configuration files were; nil when they are not in the backup.
    package var configuration: [ConfigurationFile]?

    package struct Failed: Sendable, Equatable, Codable {
        package var name: String
        package var reason: String
    }

    package struct ConfigurationFile: Sendable, Equatable, Codable {
        /// The name of the backup's file.
        package var file: String
        /// The path on the server's host.
        package var path: String
    }

    package init(
        label: String, run: String, cluster: ClusterFacts, databases: [DatabaseIndex], failed: [Failed] = [],
        configuration: [ConfigurationFile] = []
    ) {
        self.label = label
        self.run = run
        self.cluster = cluster
        self.databases = databases
        self.failed = failed.isEmpty ? nil : failed
        self.configuration = configuration.isEmpty ? nil : configuration
    }

    package init(reading bytes: [UInt8], named name: String) throws {
        self = try Document.decode(IndexDocument.self, from: bytes, named: name)
        guard schema == IndexDocument.currentSchema else {
            throw PlainFailure(.malformed, "\(name) has the form \(schema), which this program does not know")
        }
    }

    package func encoded() throws -> [UInt8] {
        try Document.encode(self)
    }

    package func database(_ name: String) -> DatabaseIndex? {
        databases.first { $0.facts.name == name }
    }
}

/// One database of a backup.
package struct DatabaseIndex: Sendable, Equatable, Codable {
    package var facts: DatabaseFacts
    package var content: ContentIndex
    /// Every object of the dump's table of contents.
    package var definitions: [Definition]

    package init(facts: DatabaseFacts, content: ContentIndex, definitions: [Definition]) {
        self.facts = facts
        self.content = content
        self.definitions = definitions
    }
}

/// One object of a dump, by name and by the digest of the SQL that makes it.
package struct Definition: Hashable, Sendable, Codable {
    /// `TABLE`, `INDEX`, `SEQUENCE SET`, `ACL`: the kinds of pg_dump's table of contents.
    package let kind: String
    package let namespace: String?
    package let name: String
    package let owner: String
    package let tablespace: String?
    package let accessMethod: String?
    package let sha256: Digest

    package init(_ entry: ArchiveTOC.Entry) {
        kind = entry.kind
        namespace = entry.namespace
        name = entry.tag
        owner = entry.owner
        tablespace = entry.tablespace
        accessMethod = entry.accessMethod
        // What drops an object is no part of what it is; the COPY line belongs to the content index.
        sha256 = SHA256.hash(Array(entry.definition.utf8))
    }

    package var title: String {
        [kind, namespace.map { "\($0).\(name)" } ?? name].joined(separator: " ")
    }
}

extension ArchiveTOC {
    /// The objects of this dump, in its order.
    package var definitions: [Definition] { entries.map(Definition.init) }
}

/// What a scratch cluster needs to know of the cluster that a backup is of; nothing secret.
package struct ClusterFacts: Sendable, Equatable, Codable {
    package var systemIdentifier: String
    package var serverVersion: String
    package var serverVersionNumber: Int
    package var isStandby: Bool
    /// The role that initdb made.
    package var bootstrapSuperuser: String
    package var roles: [Role]
    package var memberships: [Membership]
    package var tablespaces: [Tablespace]
    /// Server settings that decide whether a restore can be equal, such as `shared_preload_libraries`.
    package var settings: [String: String]

    package struct Role: Sendable, Equatable, Codable {
        package var name: String
        package var superuser: Bool
        package var inherit: Bool
        package var createRole: Bool
        package var createDatabase: Bool
        package var login: Bool
        package var replication: Bool
        package var bypassRLS: Bool
        package var connectionLimit: Int
    }

    package struct Membership: Sendable, Equatable, Codable {
        package var role: String
        package var member: String
        package var admin: Bool
    }

    package struct Tablespace: Sendable, Equatable, Codable {
        package var name: String
        package var owner: String
    }
}

/// What a database is besides its objects.
package struct DatabaseFacts: Sendable, Equatable, Codable {
    package var name: String
    package var oid: UInt32
    package var owner: String
    package var encoding: String
    package var collate: String
    package var ctype: String
    /// `libc`, `icu` or `builtin`.
    package var localeProvider: String
    /// The locale of the providers `icu` and `builtin`.
    package var locale: String?
    package var icuRules: String?
    package var collationVersion: String?
    /// What `money` is printed by.
    package var monetaryLocale: String
    package var tablespace: String
    package var connectionLimit: Int
    /// Nil while nobody has granted or revoked anything.
    package var privileges: [String]?
    package var comment: String?
    /// By `ALTER DATABASE ... SET` and `ALTER ROLE ... IN DATABASE ... SET`.
    package var settings: [Setting]
    package var extensions: [Extension]
    package var collations: [Collation]
    package var notCovered: [Missing]
    /// What dbpii has encrypted here; nil where it is not in use.
    package var fieldKeys: [FieldKeyUse]?

    package struct Setting: Sendable, Equatable, Codable {
        package var role: String?
        package var assignments: [String]
    }

    package struct Extension: Sendable, Equatable, Codable {
        package var name: String
        package var version: String
        package var schema: String
    }

    package struct Collation: Sendable, Equatable, Codable {
        package var schema: String
        package var name: String
        package var provider: String
        package var version: String?
    }

    /// An object whose content a dump does not hold.
    package struct Missing: Sendable, Equatable, Codable {
        package var kind: Kind
        package var name: String

        package enum Kind: String, Sendable, Codable, CaseIterable {
            case materializedView = "materialized view"
            case foreignTable = "foreign table"
            case unloggedTable = "unlogged table"
            case subscription

            package var reason: String {
                switch self {
                case .materializedView: "a restore computes its content anew"
                case .foreignTable: "its rows belong to another server"
                case .unloggedTable: "a standby does not have its rows"
                case .subscription: "its position in the publisher's stream is not in a dump"
                }
            }
        }
    }
}
