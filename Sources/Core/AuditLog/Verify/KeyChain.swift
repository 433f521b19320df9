import Cryptography
import Platform
import SystemPackage

/// The key that was pinned, and those that vouch for one another from there: each for a range of the log's sizes.
///
/// A rotation is a record naming both keys, in a checkpoint that both signed.
struct KeyChain {
    private struct Link {
        let key: VerifierKey
        var from: Int
        var until: Int
    }

    private var links: [Link]
    private(set) var problems: [String] = []

    /// - Parameters:
    ///   - root: the log's root at some size, if it is known.
    ///   - record: the record that says that the key was replaced, if there is one of that number.
    init(
        pinned: VerifierKey, rotations: [SignedCheckpoint], root: (Int) -> Digest?, record: (Int) -> AuditRecord?
    ) {
        links = [Link(key: pinned, from: 0, until: .max)]
        var waiting = rotations.sorted { $0.size < $1.size }
        var isGrowing = true
        while isGrowing {
            isGrowing = false
            for (number, rotation) in waiting.enumerated().reversed() where join(rotation, root, record) {
                waiting.remove(at: number)
                isGrowing = true
            }
        }
        for rotation in waiting {
            problems.append(
                "the change of keys after \(rotation.size) records is not signed by both keys, or is not in the log")
        }
    }

    private mutating func join(
        _ rotation: SignedCheckpoint, _ root: (Int) -> Digest?, _ record: (Int) -> AuditRecord?
    ) -> Bool {
        let size = rotation.size
        guard root(size) == rotation.root, let facts = record(size - 1)?.facts,
            case .text(let oldText)? = facts["oldKey"], case .text(let newText)? = facts["newKey"],
            let old = try? VerifierKey(parsing: oldText), let new = try? VerifierKey(parsing: newText),
            rotation.isSigned(by: old), rotation.isSigned(by: new)
        else { return false }
        if let index = links.firstIndex(where: { $0.key == old }) {
            links[index].until = size
            links.append(Link(key: new, from: size, until: .max))
            return true
        }
        if let index = links.firstIndex(where: { $0.key == new }) {
            links[index].from = size
            links.append(Link(key: old, from: 0, until: size))
            return true
        }
        return false
    }

    /// Whether a key signed it that was the log's key at that size.
    func signed(_ checkpoint: SignedCheckpoint) -> Bool {
        links.contains {
            ($0.from...$0.until).contains(checkpoint.size) && checkpoint.isSigned(by: $0.key)
        }
    }

    /// The newest one of the chain.
    var newest: VerifierKey { (links.max { $0.from < $1.from } ?? links[0]).key }
}

extension LogFolder {
    /// The checkpoints that an old and a new key signed together when one replaced the other.
    package func rotations() throws -> [SignedCheckpoint] {
        try Files.list(path).filter { $0.hasPrefix("rotation-") && $0.hasSuffix(".checkpoint") }
            .map { try Self.readCheckpoint(path.appending($0)) }
    }
}
