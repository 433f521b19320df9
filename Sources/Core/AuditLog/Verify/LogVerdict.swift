package import Cryptography
package import Platform

/// What verification found out about a log: whether it is what was signed, and whether anything seems to be missing in it.
package struct LogVerdict: Equatable, Sendable {
    /// How much a log that checks out is worth: each level excludes one more kind of forger.
    package enum Level: String, Sendable, Encodable, Comparable, CaseIterable {
        /// Records, tree and checkpoint agree.
        case consistent = "L0"
        /// And the key signed the checkpoint.
        case signed = "L1"
        /// And the log still begins with what a checkpoint says that was kept elsewhere.
        case anchored = "L2"
        /// And that checkpoint is young enough.
        case fresh = "L3"

        package static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    /// Something that must not be.
    package struct Finding: Equatable, Sendable, Encodable {
        /// The record where it shows, if it shows at one.
        package let record: Int?
        package let what: String

        package init(record: Int?, what: String) {
            self.record = record
            self.what = what
        }
    }

    /// A kept checkpoint that the log still agrees with, and up to when that protects it.
    package struct Anchor: Equatable, Sendable, Encodable {
        package let size: Int
        /// The time in the last record that it covers.
        package let until: Timestamp?
        /// Where it was kept.
        package let from: String
    }

    /// An act that began and has no end.
    package struct OpenAct: Equatable, Sendable, Encodable {
        package let record: Int
        package let action: String
    }

    package var origin: String?
    package var records = 0
    package var bytes = 0
    /// The records before this one were not read again, since a checkpoint that was kept already covered them.
    package var firstRead = 0
    /// How many records at the beginning were given up, of which only the hashes are left.
    package var pruned = 0
    package var first: Timestamp?
    package var last: Timestamp?
    package var root = MerkleHash.empty
    /// How many records the checkpoint in the log's folder signed.
    package var checkpointSize: Int?
    /// Nil when not even the tree is right.
    package var level: Level?
    /// The newest of the kept checkpoints that hold.
    package var anchor: Anchor?
    /// What breaks its integrity; at most `findingLimit` of them about records.
    package var findings: [Finding] = []
    /// Completeness: acts without an end, at most `findingLimit` of them.
    package var openActs: [OpenAct] = []
    package var openActCount = 0
    /// Completeness: what else seems to be missing, such as days without a heartbeat.
    package var gaps: [Finding] = []
    /// What a person should know and what is no fault: a clock put back, a tail that is being written.
    package var notes: [String] = []
    /// What the log knows of the world, to be compared with it.
    package var recorded = Recorded()

    /// Whatever of the world stands in the log.
    package struct Recorded: Equatable, Sendable {
        /// The backups that were made or copied here, as `<cluster>/<backup>`, with the hashes of their manifests.
        package var backups: [String: Set<String>] = [:]
        /// For each cluster's system identifier the digest of its roles at the last heartbeat, and that record's number.
        package var roles: [String: Roles] = [:]
    }

    package struct Roles: Equatable, Sendable {
        package var digest: String
        package var record: Int
        package var time: Timestamp
        /// Whether something that is on record may have changed roles after it: a policy, a restore, an installation.
        package var changedSince = false
    }

    package static let findingLimit = 20

    package var isIntact: Bool { findings.isEmpty }
    package var isComplete: Bool { openActCount == 0 && gaps.isEmpty }

    /// Adds to the verdict about completeness what a look at the world found.
    package mutating func missing(_ what: String, record: Int? = nil) {
        gaps.append(Finding(record: record, what: what))
    }

    mutating func find(_ what: String, record: Int? = nil) {
        findings.append(Finding(record: record, what: what))
    }
}
