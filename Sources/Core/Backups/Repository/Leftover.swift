import Platform
import SystemPackage

/// A folder that a run or a rekeying which was killed has left: it is no backup, and nobody's.
struct Leftover: Sendable {
    let folder: FilePath

    /// Removes what we made; what somebody else put there stays, and the folder with it.
    func remove() throws {
        for name in try Files.list(folder) where Self.isOurs(name) { try Files.removeTree(folder.appending(name)) }
        if try Files.list(folder).isEmpty { try Files.removeEmpty(folder) }
    }

    private static func isOurs(_ name: String) -> Bool {
        let own = [
            Manifest.fileName, Manifest.signatureFileName, Hold.fileName, "tombstone.json", "tombstone.json.minisig",
            "proofs",
        ]
        return own.contains(name) || name.hasSuffix(".zst.age") || name.hasPrefix(".") && name.hasSuffix(".partial")
    }
}

extension Repository {
    /// What killed runs and rekeyings have left of a cluster.
    ///
    /// Only meaningful while the cluster's lock is held.
    func leftovers(of cluster: String) throws -> [Leftover] {
        let folder = folder(of: cluster)
        let unsigned = try labels(of: cluster).filter {
            let backup = folder.appending($0)
            return !Files.exists(backup.appending(Manifest.signatureFileName)) && !Tombstone.isIn(backup)
        }
        return (unsigned + (try rekeyed(of: cluster))).map { Leftover(folder: folder.appending($0)) }
            // Where a link leads, somebody else has something.
            .filter { !Files.isLink($0.folder) }
    }

    /// Removes the leftovers of a cluster; the sentences say of which that was not possible.
    ///
    /// Where a producer may only add, what it left half done is for somebody else to remove, and no reason to stop.
    func clear(_ leftovers: [Leftover]) -> [String] {
        leftovers.compactMap { leftover in
            do {
                try leftover.remove()
                return nil
            } catch {
                let reason = (error as? any Failure)?.sentence ?? "\(error)"
                return "what an interrupted run left in \(leftover.folder) could not be removed: \(reason)"
            }
        }
    }

    /// Where a backup is rekeyed before it takes the place of the old one; after that, where the old one is.
    func rekeyingFolder(of cluster: String, _ label: String) -> FilePath {
        folder(of: cluster).appending(".\(label).rekeyed")
    }

    private func rekeyed(of cluster: String) throws -> [String] {
        let folder = folder(of: cluster)
        guard Files.exists(folder) else { return [] }
        return try Files.list(folder).filter { name in
            guard name.hasPrefix("."), name.hasSuffix(".rekeyed") else { return false }
            let label = String(name.dropFirst().dropLast(".rekeyed".count))
            return Timestamp(label)?.label == label && Files.isDirectory(folder.appending(name))
        }
    }
}
