import Cryptography
package import Platform
import SystemPackage

/// The parts of a log whose records are older than they have to be kept.
package struct LogPrunePlan: Equatable, Sendable {
    package struct Part: Equatable, Sendable, Encodable {
        package let file: String
        package let records: Int
        package let bytes: Int
        /// When the part after it began.
        package let until: Timestamp
    }

    package var parts: [Part] = []
    /// How many records at the beginning will be gone.
    package var records = 0
    package var bytes: Int { parts.reduce(0) { $0 + $1.bytes } }
}

extension AuditLog {
    /// What could be given up: whole files in which nothing is younger than `cutoff`, never the last one.
    package func prunePlan(before cutoff: Timestamp) throws -> LogPrunePlan {
        var plan = LogPrunePlan()
        let segments = try folder.segments()
        plan.records = try folder.prunedCount(segments)
        for (segment, next) in zip(segments, segments.dropFirst()) {
            guard let first = try next.firstRecord(), first.time < cutoff else { break }
            plan.parts.append(
                LogPrunePlan.Part(
                    file: segment.body.lastComponent?.string ?? "", records: first.seq - plan.records,
                    bytes: try Files.size(segment.body), until: first.time))
            plan.records = first.seq
        }
        return plan
    }

    /// Gives up the records of the plan, keeping their hashes, so that every proof and checkpoint still holds.
    ///
    /// - Throws: `AuditFailure.inconsistent` when the hashes on file are not those of the records, or not what was signed:
    ///   what may have been changed is evidence, and stays.
    package func prune(before cutoff: Timestamp) throws -> LogPrunePlan {
        try writing { writer in
            let plan = try prunePlan(before: cutoff)
            guard !plan.parts.isEmpty else { return plan }
            try requireSound()
            try Files.sync(folder.leaves)
            // The record first: a removal that nobody can explain must not come to be.
            _ = try writer.append([
                AuditEvent(
                    .logPrune,
                    facts: [
                        "records": .number(plan.records), "bytes": .number(plan.bytes),
                        "files": .text(plan.parts.map(\.file).joined(separator: ", ")),
                        "until": .text(plan.parts.last?.until.description ?? ""),
                    ])
            ])
            var keys = try ValuesKeys.read(folder)
            for segment in try folder.segments().prefix(plan.parts.count) {
                try keys.forget(segment.number, keepingNewest: false, folder)
                try? Files.remove(segment.values)
                try Files.remove(segment.body)
            }
            try Files.syncDirectory(folder.path)
            return plan
        }
    }

    /// Compares every record with the hash on file, and the tree with the checkpoint.
    private func requireSound() throws {
        let checkpoint = try folder.readCheckpoint()
        var cursor = LogCursor()
        var (leaves, changed): ([Digest], Int?) = ([], nil)
        var root: Digest?
        func look(_ leaf: Digest) {
            let place = cursor.size % LogIndex.blockSize
            if place == 0 { leaves = LogIndex.leaves(ofBlock: cursor.size / LogIndex.blockSize, in: folder) }
            if changed == nil, place >= leaves.count || leaves[place] != leaf { changed = cursor.size }
            cursor.append(leaf, bytes: 0)
            _ = cursor.takeCompleted()
            if cursor.size == checkpoint.size { root = cursor.tree.root }
        }
        var walk = LogWalk()
        try walk.run(folder, pruned: { look($0) }, take: { look(MerkleHash.leaf($0)) })
        guard root == checkpoint.root, changed == nil else {
            throw AuditFailure(
                .inconsistent, "the log in \(folder.path) is not what was signed: nothing of it is given up",
                hint: "run dbaudit verify")
        }
    }
}
