import Cryptography
import Platform
import SystemPackage

extension LogFolder {
    fileprivate var nextSignerKey: FilePath { path.appending("log.key.new") }
    fileprivate var nextVerifierKey: FilePath { path.appending("log.vkey.new") }
    fileprivate func rotation(_ size: Int) -> FilePath { path.appending("rotation-\(size).checkpoint") }
}

extension AuditLog {
    /// Replaces the log's key: the old one signs the new one, and is then destroyed.
    ///
    /// Whoever pinned the old key still verifies the log, by the checkpoint that both signed. A thief of the new key cannot
    /// sign anything in the name of the old one: what was signed before stays out of reach.
    package func rotateKey(reason: String? = nil) throws -> VerifierKey {
        let next = SignerKey(name: verifier.name, key: Ed25519.SigningKey.generate())
        try writing { writer in
            var secret = next.encoded()
            defer { wipe(&secret) }
            try Files.write(secret, to: folder.nextSignerKey)
            try Files.write(
                Array("\(next.verifier)\n".utf8), to: folder.nextVerifierKey,
                mode: [.ownerReadWrite, .groupRead, .otherRead])
            _ = try writer.append([
                AuditEvent(
                    .logKey, reason: reason,
                    facts: ["oldKey": .text("\(verifier)"), "newKey": .text("\(next.verifier)")])
            ])
            let tree = writer.cursor.tree
            let text = Checkpoint(origin: verifier.name, size: tree.size, root: tree.root).text
            let note = SignedNote(
                text: text, signatures: writer.key.sign(text).signatures + next.sign(text).signatures)
            // From here on the rotation counts: whatever happens now, the next open completes it.
            try Files.write(
                Array(note.encoded.utf8), to: folder.rotation(tree.size),
                mode: [.ownerReadWrite, .groupRead, .otherRead])
            try Self.completeRotation(folder)
        }
        return next.verifier
    }

    /// Carries out a change of keys that was begun, or takes back what did not get as far as counting.
    static func completeRotation(_ folder: LogFolder) throws {
        guard Files.exists(folder.nextVerifierKey) else { return }
        let next = try folder.readable(folder.nextVerifierKey) {
            try VerifierKey(parsing: String(decoding: $0, as: UTF8.self))
        }
        let rotation = try folder.rotations().first { $0.isSigned(by: next) }
        guard let rotation else {
            try? Files.remove(folder.nextSignerKey)
            try Files.remove(folder.nextVerifierKey)
            return
        }
        // Signed by both, it is right for whichever key is found beside it.
        if try folder.readCheckpoint().size <= rotation.size {
            try Files.write(
                Array(rotation.encoded.utf8), to: folder.checkpoint, mode: [.ownerReadWrite, .groupRead, .otherRead])
        }
        if Files.exists(folder.nextSignerKey) { try Files.rename(folder.nextSignerKey, to: folder.signerKey) }
        try Files.rename(folder.nextVerifierKey, to: folder.verifierKey)
        try Files.syncDirectory(folder.path)
    }
}
