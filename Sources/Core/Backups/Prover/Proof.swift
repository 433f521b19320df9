package import Cryptography
package import Platform

/// How deep a proof went; each level includes those before it.
package enum ProofLevel: String, Sendable, Codable, CaseIterable, Comparable {
    /// Signature, names, sizes, digests, and every encrypted chunk up to the final one.
    case archive
    /// All of it decompresses and reads as dumps whose content is what was recorded.
    case decode
    /// A scratch cluster was restored from it, dumped again, and held the same content and definitions.
    case restore

    package static func < (left: Self, right: Self) -> Bool {
        allCases.firstIndex(of: left) ?? 0 < allCases.firstIndex(of: right) ?? 0
    }
}

/// The answer of a proof; only `equal` counts for anything.
package enum Verdict: String, Sendable, Codable {
    case equal
    case different
    case cannotVerify = "cannot verify here"

    /// A whole is as good as its worst part, and a difference found outweighs what could not be looked at.
    package static func worst(of verdicts: some Sequence<Verdict>) -> Verdict {
        let verdicts = Set(verdicts)
        return verdicts.contains(.different) ? .different : verdicts.contains(.cannotVerify) ? .cannotVerify : .equal
    }
}

/// What a prover found out about a backup, as it is signed and kept beside it.
///
/// Like the manifest it may be public: it counts differences and does not name tables.
package struct Proof: Sendable, Equatable, Codable {
    package static let currentSchema = 1

    package var schema = Proof.currentSchema
    package var cluster: String
    package var label: String
    /// SHA-256 of the manifest's bytes: the proof is about these and no others.
    package var manifest: Digest
    package var level: ProofLevel
    package var verdict: Verdict
    package var databases: [Database]
    /// What the verdict `cannot verify here` is for want of.
    package var missing: [String]
    /// What is worth knowing and changes no verdict, such as another collation version.
    package var notes: [String]
    package var started: Timestamp
    package var finished: Timestamp
    /// The server and programs that took part.
    package var programs: [String: String]
    /// The minisign key id of the prover.
    package var proverKey: String
    package var trust: Manifest.Trust

    package struct Database: Sendable, Equatable, Codable {
        package var name: String
        package var verdict: Verdict
        package var differences: Int
        package var tables: Int
        package var rows: Int
        /// How long creating and loading the database took.
        package var restoreSeconds: Double?
        /// How many of the user's questions it was asked; nil where nobody gave any.
        package var smokeTests: Int?
    }

    package var restoreSeconds: Double? {
        let seconds = databases.compactMap(\.restoreSeconds)
        return seconds.isEmpty ? nil : seconds.reduce(0, +)
    }
}
