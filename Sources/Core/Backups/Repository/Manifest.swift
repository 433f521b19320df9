package import Cryptography
import FoundationEssentials
package import Platform

/// What is public about a backup: whose it is, which files it has, and how to know that they are unchanged.
///
/// Its bytes as written are signed; the signature's file is the mark that the backup is complete. Names of tables, row
/// counts and their digests are not here but in the encrypted `IndexDocument`, since they tell too much.
package struct Manifest: Sendable, Equatable, Codable {
    /// The version of this document's form.
    package static let currentSchema = 1
    package static let fileName = "manifest.json"
    package static let signatureFileName = "manifest.json.minisig"

    package var schema = Manifest.currentSchema
    /// The folder's name, `20261123T205011Z`: a backup that was copied under another name does not agree with it.
    package var label: String
    /// A random number of this run.
    package var run: String
    package var cluster: String
    /// The server's own identifier, which every copy of one cluster shares.
    package var systemIdentifier: String
    /// `15.18 (Debian 15.18-0+deb12u1)`.
    package var serverVersion: String
    /// `150018`.
    package var serverVersionNumber: Int
    /// The first line of `--version` of each program that had a part.
    package var programs: [String: String]
    package var started: Timestamp
    package var finished: Timestamp
    package var databases: [Database]
    /// Databases that were to be in this backup and are not; nil when there are none.
    package var failed: [Failed]?
    package var files: [File]
    package var compression = "zstd"
    package var encryption = "age-encryption.org/v1"
    /// The public keys that this backup is encrypted to.
    package var recipients: [String]
    /// The minisign key id of the signer.
    package var producerKey: String
    /// The newest signed checkpoint of the producer's audit log when this backup ended.
    package var auditCheckpoint: String?
    package var trust: Trust
    package var notCovered: [Gap]
    /// The keys without which encrypted columns of this backup cannot be read; nil when it has none.
    ///
    /// They are not secret, and whoever destroys a key must be able to learn from a repository what that would cost.
    package var fieldKeys: [FieldKeyUse]?
    /// Words by which a retention rule may keep it.
    package var tags: [String]?
    /// What became of it since, oldest first; the manifests before are named, so that their proofs still count.
    package var rekeyed: [Rekeying]?

    /// The files were encrypted to other recipients by whoever signed the manifest anew; their contents are the same.
    package struct Rekeying: Sendable, Equatable, Codable {
        /// SHA-256 of the manifest as it was before.
        package var manifest: Digest
        package var time: Timestamp
        /// The minisign key id of who did it.
        package var key: String
    }

    /// Whether the host that makes backups can also read them.
    package enum Trust: String, Sendable, Codable {
        case separate
        case sameHost = "same host"
    }

    package struct Database: Sendable, Equatable, Codable {
        package var name: String
        package var oid: UInt32
        /// The instant that its dump shows.
        package var snapshot: Timestamp

        package init(name: String, oid: UInt32, snapshot: Timestamp) {
            self.name = name
            self.oid = oid
            self.snapshot = snapshot
        }
    }

    package struct Failed: Sendable, Equatable, Codable {
        package var name: String
        /// In words that give no secret away; the encrypted index has the whole sentence.
        package var reason: String
    }

    package struct File: Sendable, Equatable, Codable {
        package var name: String
        package var role: Role
        /// Which database a dump or its data is of.
        package var database: String?
        package var size: Int
        package var sha256: Digest
        /// Before compression and encryption.
        package var contentSize: Int

        package enum Role: String, Sendable, Codable, CaseIterable {
            /// Everything of a database, or everything but the rows that are in its files of the role `data`.
            case dump
            case data
            case globals
            /// A configuration file of the server.
            case configuration
            case index
        }

        package init(name: String, role: Role, database: String?, size: Int, sha256: Digest, contentSize: Int) {
            self.name = name
            self.role = role
            self.database = database
            self.size = size
            self.sha256 = sha256
            self.contentSize = contentSize
        }
    }

    /// Something that the server holds and this backup does not, and why; without names.
    package struct Gap: Sendable, Equatable, Codable {
        package var database: String?
        package var what: String
        package var count: Int
        package var reason: String

        package init(database: String?, what: String, count: Int, reason: String) {
            self.database = database
            self.what = what
            self.count = count
            self.reason = reason
        }
    }

    /// The keys of every database's encrypted columns, each context once; nil where there are none.
    static func fieldKeys(of databases: [DatabaseFacts]) -> [FieldKeyUse]? {
        var keys: [String: Set<String>] = [:]
        for use in databases.flatMap({ $0.fieldKeys ?? [] }) { keys[use.context, default: []].formUnion(use.keys) }
        return keys.isEmpty
            ? nil : keys.keys.sorted().map { FieldKeyUse(context: $0, keys: (keys[$0] ?? []).sorted()) }
    }

    /// The database of a backup that has no other.
    ///
    /// - Throws: status 64 when there are several.
    package var onlyDatabase: String {
        get throws {
            guard let only = databases.first, databases.count == 1 else {
                throw PlainFailure(
                    .usage,
                    "\(cluster)/\(label) has several databases: \(databases.map(\.name).joined(separator: ", "))",
                    hint: "choose one with --database")
            }
            return only.name
        }
    }

    package init(
        label: String, run: String, cluster: String, systemIdentifier: String, serverVersion: String,
        serverVersionNumber: Int, programs: [String: String], started: Timestamp, finished: Timestamp,
        databases: [Database], failed: [Failed] = [], files: [File], recipients: [String], producerKey: String,
        auditCheckpoint: String?, trust: Trust, notCovered: [Gap]
    ) {
        self.label = label
        self.run = run
        self.cluster = cluster
        self.systemIdentifier = systemIdentifier
        self.serverVersion = serverVersion
        self.serverVersionNumber = serverVersionNumber
        self.programs = programs
        self.started = started
        self.finished = finished
        self.databases = databases
        self.failed = failed.isEmpty ? nil : failed
        self.files = files
        self.recipients = recipients
        self.producerKey = producerKey
        self.auditCheckpoint = auditCheckpoint
        self.trust = trust
        self.notCovered = notCovered
    }

    /// Reads a manifest's bytes; whether they may be believed is for the signature to say.
    package init(reading bytes: [UInt8], named name: String) throws {
        self = try Document.decode(Manifest.self, from: bytes, named: name)
        guard schema == Manifest.currentSchema else {
            throw PlainFailure(.malformed, "\(name) has the form \(schema), which this program does not know")
        }
    }

    package func encoded() throws -> [UInt8] {
        try Document.encode(self)
    }

    package func dump(of database: String) -> File? {
        files.first { $0.role == .dump && $0.database == database }
    }

    /// The files that hold rows which the database's dump does not, in their order; empty where it holds all of them.
    package func data(of database: String) -> [File] {
        files.filter { $0.role == .data && $0.database == database }
    }

    /// What a database takes in the repository.
    package func stored(_ database: String) -> Int {
        files.reduce(0) { $0 + ($1.database == database ? $1.size : 0) }
    }

    package func file(_ role: File.Role) -> File? {
        files.first { $0.role == role }
    }

    /// The instant that the first of its databases shows: how old the backup is.
    package var snapshot: Timestamp { databases.map(\.snapshot).min() ?? started }

    package var size: Int { files.reduce(0) { $0 + $1.size } }
    package var contentSize: Int { files.reduce(0) { $0 + $1.contentSize } }
}

/// An encrypted column, by the stable name that its values are bound to, and the keys that they are under.
package struct FieldKeyUse: Sendable, Equatable, Codable {
    package var context: String
    /// Key ids, sixteen hexadecimal digits each, sorted.
    package var keys: [String]

    package init(context: String, keys: [String]) {
        self.context = context
        self.keys = keys
    }
}

/// The JSON documents of a backup: sorted keys, one form.
package enum Document {
    package static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value)) + [UInt8(ascii: "\n")]
    }

    package static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], named name: String
    ) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as DecodingError {
            throw PlainFailure(.malformed, "\(name) is damaged: \(error.place)")
        }
    }
}

extension DecodingError {
    fileprivate var place: String {
        switch self {
        case .keyNotFound(let key, let context): spell(context, "\"\(key.stringValue)\" is missing")
        case .valueNotFound(_, let context): spell(context, "there is no value")
        case .typeMismatch(_, let context), .dataCorrupted(let context): spell(context, context.debugDescription)
        @unknown default: "it does not have the form that it should"
        }
    }

    private func spell(_ context: Context, _ problem: String) -> String {
        let path = context.codingPath.map(\.stringValue).joined(separator: ".")
        return path.isEmpty ? problem : "\(path): \(problem)"
    }
}
