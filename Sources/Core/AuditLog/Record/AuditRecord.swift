package import Cryptography
package import Platform

/// One line of the log: who did what to what, when, from where, and how it ended.
package struct AuditRecord: Codable, Equatable, Sendable {
    package enum Phase: String, Codable, Sendable {
        /// The act is about to begin; if this cannot be written it does not.
        case started
        /// The act has ended, well or not; `ref` names its start.
        case finished
        /// Something that has no length.
        case event
    }

    package enum Outcome: String, Codable, Sendable {
        case success
        case failure
    }

    /// Tells two clocks apart that the wall clock cannot: which start of the machine, and how long it had been up.
    package struct Clock: Codable, Equatable, Sendable {
        package let boot: String
        package let ns: Int64
    }

    /// The version of this format; version 1 had no session, terminal, duration or commitments, and is read as well.
    package static let version = 2
    package static let readableVersions = 1...2
    /// Longer ones do not fit into an entry of C2SP tlog-tiles.
    package static let byteLimit = 65535

    package var v = Self.version
    /// The record's place in the log, counted from 0: also its leaf's index in the tree.
    package let seq: Int
    /// A UUID of version 7.
    package let id: String
    package let time: Timestamp
    package let clock: Clock
    package let actor: AuditActor
    package let host: String
    package let program: String
    package let version: String
    package let pid: Int32
    /// The session that the kernel's audit gave the login (`/proc/self/sessionid`); absent in services.
    package let session: UInt32?
    /// One of `AuditAction`, or the code of a later version.
    package let action: String
    package let phase: Phase
    package let outcome: Outcome?
    package let reason: String?
    /// The exit status that goes with a failure.
    package let status: Int32?
    package let ref: String?
    /// How long the act took, in milliseconds.
    package let ms: Int?
    package let target: AuditTarget?
    package let facts: [String: AuditFact]?
    /// The sensitive fields by name, each as SHA-256(salt || value) in hexadecimal; `SensitiveValues` has the values.
    ///
    /// `address` is the client's address; the others are facts that are personal data.
    package let sensitive: [String: Digest]?
}

/// What an act touches; as much of it as is known.
package struct AuditTarget: Codable, Equatable, Sendable {
    /// The cluster's system identifier, which a restore or a rename does not change.
    package var system: String?
    package var cluster: String?
    package var database: String?
    package var backup: String?
    package var object: String?

    package init(
        system: String? = nil, cluster: String? = nil, database: String? = nil, backup: String? = nil,
        object: String? = nil
    ) {
        self.system = system
        self.cluster = cluster
        self.database = database
        self.backup = backup
        self.object = object
    }
}

/// A count, a size, a duration, a hash or a name: never a secret, and never personal data, which is `AuditEvent.sensitive`.
package enum AuditFact: Equatable, Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, Codable {
    case text(String)
    case number(Int)

    package init(stringLiteral value: String) {
        self = .text(value)
    }

    package init(integerLiteral value: Int) {
        self = .number(value)
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int.self) {
            self = .number(number)
        } else {
            self = .text(try container.decode(String.self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let text): try container.encode(text)
        case .number(let number): try container.encode(number)
        }
    }
}

/// What a record says besides who, when and where, which the log itself adds.
package struct AuditEvent: Equatable, Sendable {
    package var action: AuditAction
    package var phase: AuditRecord.Phase
    package var outcome: AuditRecord.Outcome?
    package var reason: String?
    package var status: ExitStatus?
    package var ref: String?
    /// The role in the database, when the act is done as one.
    package var role: String?
    package var target: AuditTarget
    package var facts: [String: AuditFact]
    /// Facts that are written out already, instead of `facts`.
    var writtenFacts: WrittenFacts?
    /// Personal data by name: in the record stands a salted commitment, and the value in a side file that can be erased.
    ///
    /// A name of `facts` and one of these must not be the same. `address` is where the client is.
    package var sensitive: [String: String]
    /// How long the act took, in milliseconds.
    package var milliseconds: Int?

    package init(
        _ action: AuditAction, phase: AuditRecord.Phase = .event, outcome: AuditRecord.Outcome? = nil,
        reason: String? = nil, status: ExitStatus? = nil, ref: String? = nil, role: String? = nil,
        target: AuditTarget = AuditTarget(), facts: [String: AuditFact] = [:], sensitive: [String: String] = [:],
        milliseconds: Int? = nil
    ) {
        self.sensitive = sensitive
        self.milliseconds = milliseconds
        self.action = action
        self.phase = phase
        self.outcome = outcome
        self.reason = reason
        self.status = status
        self.ref = ref
        self.role = role
        self.target = target
        self.facts = facts
    }
}

/// Facts as they stand in a record: for events that come by the million, where a dictionary of each costs most of the time.
struct WrittenFacts: Equatable, Sendable {
    private(set) var line = JSONLine()
    private(set) var count = 0

    /// - Parameter write: adds a fact, in the order of their names.
    init(_ write: (inout WrittenFacts) -> Void) {
        line.bytes.reserveCapacity(320)
        write(&self)
    }

    mutating func add(_ name: String, _ text: String) {
        line.member(name, text)
        count += 1
    }

    mutating func add(_ name: String, _ number: Int) {
        line.member(name, number)
        count += 1
    }

    mutating func add(_ name: String, _ time: Timestamp) {
        line.member(name, time)
        count += 1
    }
}

/// Where a record stands, once it is durable.
package struct AuditEntry: Equatable, Sendable {
    package let seq: Int
    package let id: String
}
