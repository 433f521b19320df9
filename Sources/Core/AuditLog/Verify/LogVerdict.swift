package import Cryptography
package import Platform

/// What verification found out about a log: whether it is what was signed, and whether every act in it has an end.
package struct LogVerdict: Equatable, Sendable {
    /// How much a log that checks out is worth: each level excludes one more kind of forger.
    package enum Level: String, Sendable, Encodable {
        /// Records, tree and checkpoint agree.
        case consistent = "L0"
        /// And the key signed the checkpoint.
        case signed = "L1"
        /// And the log still begins with what a checkpoint says that was kept elsewhere.
        case anchored = "L2"
    }

    /// Something that must not be.
    package struct Finding: Equatable, Sendable, Encodable {
        /// The record where it shows, if it shows at one.
        package let record: Int?
        package let what: String
    }

    /// A kept checkpoint that the log still agrees with, and up to when that protects it.
    package struct Anchor: Equatable, Sendable, Encodable {
        package let size: Int
        /// The time in the last record that it covers.
        package let until: Timestamp?
    }

    /// An act that began and has no end.
    package struct OpenAct: Equatable, Sendable, Encodable {
        package let record: Int
        package let action: String
    }

    package var origin: String?
    package var records = 0
    package var bytes = 0
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
    /// What a person should know and what is no fault: a clock put back, a tail that is being written.
    package var notes: [String] = []

    package static let findingLimit = 20

    package var isIntact: Bool { findings.isEmpty }
    package var isComplete: Bool { openActCount == 0 }
}
