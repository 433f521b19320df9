package import Cryptography
package import Platform
import SystemPackage

/// A backup that lies under a tombstone: it counts for nothing any more, and a prune removes it after its time.
package struct GivenUp: Sendable, Equatable, Encodable {
    package let cluster: String
    package let label: String
    package let since: Timestamp?
    package let reasons: [String]
    /// The minisign key id of who gave it up; nil where no pinned key vouches for that, and nothing is ever removed.
    package let keeperKey: String?

    package var name: String { "\(cluster)/\(label)" }
}

extension Repository {
    /// The backups of a cluster that somebody has given up: whoever may add to a repository could hide one so.
    package func givenUp(of cluster: String, trusted: [MinisignPublicKey]) throws -> [GivenUp] {
        try condemned(of: cluster).map { label in
            let folder = folder(of: cluster).appending(label)
            let stone = try? Tombstone.read(folder, cluster: cluster, label: label, trusted: trusted)
            return GivenUp(
                cluster: cluster, label: label, since: stone?.time, reasons: stone?.reasons ?? [],
                keeperKey: stone?.keeperKey)
        }
    }
}
