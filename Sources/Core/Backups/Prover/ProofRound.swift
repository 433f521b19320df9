package import Cryptography
import Platform

/// Proving many backups, as far as there is time: the one whose proof is oldest comes first.
package struct ProofRound {
    /// Those that are still to be proved, in their order.
    private var waiting: [Due]
    /// How many seconds the whole may take; nil: as many as it needs.
    package var limit: Double?
    /// The longest that one has taken.
    private var longest = 0.0
    private var startOfLast: Double?

    private struct Due {
        let backup: StoredBackup
        /// When it was last found equal at this level; nil: never.
        let proved: Timestamp?
        /// How long that took.
        let seconds: Double?
    }

    package init(backups: [StoredBackup]) {
        waiting = backups.map { Due(backup: $0, proved: nil, seconds: nil) }
    }

    private init(_ waiting: [Due]) {
        self.waiting = waiting
    }

    /// All of these, those without a proof of this level first, the newest of them first: it is the one that is wanted.
    package static func due(
        _ backups: [StoredBackup], level: ProofLevel, trusted: [MinisignPublicKey]
    ) throws -> ProofRound {
        let all = try backups.map { backup in
            let last = try backup.proofs(trusted: trusted).last { $0.level >= level && $0.verdict == .equal }
            return Due(
                backup: backup, proved: last?.finished, seconds: last.map { $0.finished.seconds(since: $0.started) })
        }
        return ProofRound(
            all.sorted { left, right in
                switch (left.proved, right.proved) {
                case (nil, nil): left.backup.label > right.backup.label
                case (nil, _): true
                case (_, nil): false
                case (let first?, let second?): first < second
                }
            })
    }

    package var left: Int { waiting.count }

    /// The next one to prove; nil when there is none, or no time for it.
    ///
    /// - Parameter elapsed: seconds since the round began.
    package mutating func next(after elapsed: Double) -> StoredBackup? {
        if let startOfLast { longest = max(longest, elapsed - startOfLast) }
        // What it took the last time is the best guess; else what the longest of the others took.
        let place = waiting.firstIndex { due in limit.map { elapsed + (due.seconds ?? longest) <= $0 } ?? true }
        guard let place else { return nil }
        startOfLast = elapsed
        return waiting.remove(at: place).backup
    }
}
