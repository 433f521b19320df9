import Cryptography
import Platform
import Synchronization
package import SystemPackage

/// Signatures that were found to be right, so that listing ten thousand backups again does not check them all again.
///
/// What is remembered is the SHA-256 of key, content and signature together: other bytes are another entry, and are checked.
/// It lies in the state folder beside the pinned keys: who could write there could pin a key as well.
package final class SignatureMemory: Sendable {
    private struct State {
        var known: Set<Digest> = []
        var used: Set<Digest> = []
        var isChanged = false
    }

    private static let head = Array("dbsec signatures 1\n".utf8)
    private let path: FilePath
    private let state: Mutex<State>

    /// Reads what there is; a file that cannot be read, or is not one of ours, is as none.
    package init(_ path: FilePath) {
        self.path = path
        var known: Set<Digest> = []
        if let bytes = try? Files.readSecret(path, limit: 64 << 20), bytes.starts(with: Self.head) {
            let digests = bytes.span.extracting(Self.head.count...)
            known.reserveCapacity(digests.count / Digest.byteCount)
            for start in stride(from: 0, to: digests.count - Digest.byteCount + 1, by: Digest.byteCount) {
                if let digest = Digest(digests.extracting(start..<start + Digest.byteCount)) { known.insert(digest) }
            }
        }
        state = Mutex(State(known: known))
    }

    /// Whether the signature is right, by memory or by looking.
    ///
    /// - Throws: what the check throws when it is not; that is never remembered.
    func check(_ key: MinisignPublicKey, _ signature: [UInt8], of content: [UInt8]) throws {
        var hash = SHA256()
        for part in [Array(key.text.utf8), content, signature] {
            // Lengths first, so that no two triples read the same.
            hash.update(Array("\(part.count) ".utf8).span)
            hash.update(part.span)
        }
        let entry = hash.finish()
        let isKnown = state.withLock { state in
            state.used.insert(entry)
            return state.known.contains(entry)
        }
        guard !isKnown else { return }
        _ = try key.verify(signature.span, of: content.span, legacy: .refused)
        state.withLock { state in
            state.known.insert(entry)
            state.isChanged = true
        }
    }

    /// Keeps what was used, for the next time; where that cannot be written, the next time only takes longer.
    func save() {
        let entries: [Digest]? = state.withLock { state in
            guard state.isChanged else { return nil }
            state.isChanged = false
            return Array(state.known.intersection(state.used))
        }
        // A few signatures are checked faster than a file is written.
        guard let entries, entries.count >= 100 else { return }
        try? Files.createDirectory(path.removingLastComponent())
        try? Files.write(Self.head + entries.flatMap(\.bytes), to: path, durable: false)
    }
}
