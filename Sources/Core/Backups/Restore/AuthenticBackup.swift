package import Cryptography
import Platform
import SystemPackage

/// A backup whose manifest was signed by a key that is pinned here, and which lies where the manifest says that it belongs.
///
/// Nothing of a backup is decrypted before there is one of these.
package struct AuthenticBackup: Sendable {
    package let stored: StoredBackup
    package let manifest: Manifest

    /// - Throws: status 65 for a signature that is missing, wrong or of an unknown key, and for a backup under another's name.
    package init(_ stored: StoredBackup, trusted: [MinisignPublicKey]) throws {
        try Self.verify(stored, trusted)
        let manifest = try stored.manifest()
        guard manifest.label == stored.label, manifest.cluster == stored.cluster else {
            throw PlainFailure(
                .malformed, "the backup in \(stored.name) is a copy of \(manifest.cluster)/\(manifest.label)",
                hint: "a backup can only be used under the name that it was signed with")
        }
        for file in manifest.files where !Self.isPlain(file.name) {
            throw PlainFailure(.malformed, "the manifest of \(stored.name) names the file \"\(file.name)\"")
        }
        self.stored = stored
        self.manifest = manifest
    }

    private static func verify(_ stored: StoredBackup, _ trusted: [MinisignPublicKey]) throws {
        do {
            let signature = try MinisignSignature(parsing: stored.signatureBytes.span)
            guard let key = trusted.first(where: { $0.keyID == signature.keyID }) else {
                throw PlainFailure(
                    .malformed,
                    "the manifest of \(stored.name) is signed by the key \(signature.keyID), which is not pinned here",
                    hint: "if that is the producer's, put its signing.pub into the folder keys/trusted")
            }
            try key.verify(stored.signatureBytes.span, of: stored.manifestBytes.span, legacy: .refused)
        } catch let error as CryptographyError {
            throw PlainFailure(
                .malformed, "the manifest of \(stored.name) is not authentic: \(error.sentence)",
                hint: "keep it for inspection, and use another copy of this backup or another backup")
        }
    }

    /// One visible name in the backup's own folder.
    private static func isPlain(_ name: String) -> Bool {
        !name.isEmpty && !name.hasPrefix(".") && !name.utf8.contains(UInt8(ascii: "/")) && !name.utf8.contains(0)
    }
}

extension Repository {
    /// Looks whether the files that the manifest names are there with their sizes; their contents are for a proof to judge.
    ///
    /// Of a repository elsewhere only the small files are here, so that nothing is known and nothing refused.
    ///
    /// - Throws: status 65 for a backup that lacks a file, or has one that was cut.
    package func requireFiles(_ manifest: Manifest, of stored: StoredBackup) throws {
        guard remote == nil else { return }
        for file in manifest.files {
            let size: Int
            do {
                size = try Files.size(stored.path(of: file))
            } catch let failure as FileFailure where failure.code == .noSuchFileOrDirectory {
                throw PlainFailure(.malformed, "its file \(file.name) is missing")
            }
            guard size == file.size else {
                throw PlainFailure(.malformed, "its file \(file.name) has \(size) bytes instead of \(file.size)")
            }
        }
    }
}
