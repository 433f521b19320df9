import Cryptography
import Platform
import SystemPackage

/// A file of a backup, found to be byte for byte the one that the manifest names; what is read from it later is held to that.
///
/// Age encrypts to a public key, so that anybody could have written a file that decrypts: only the manifest's digest tells whose
/// it is, and a restore must not run SQL before that is known. Storage that changes the file between the two readings is
/// caught block by block, before the block is released.
package final class VerifiedFile: Sendable {
    let path: FilePath
    let file: Manifest.File
    private let blocks: [Digest]

    /// Reads the whole file.
    ///
    /// - Throws: status 65 when it is missing, cut, longer or changed.
    init(_ file: Manifest.File, in backup: StoredBackup) throws {
        let path = backup.path(of: file)
        guard Files.exists(path) else { throw Self.refusal(file, "is missing") }
        let size = try Files.size(path)
        guard size == file.size else { throw Self.refusal(file, "has \(size) bytes instead of \(file.size)") }
        var whole = SHA256()
        var blocks: [Digest] = []
        try forEachBlock(of: path) { block in
            try Task.checkCancellation()
            whole.update(block)
            blocks.append(SHA256.hash(block))
        }
        guard whole.finish() == file.sha256 else { throw Self.refusal(file, "was changed since it was signed") }
        (self.path, self.file, self.blocks) = (path, file, blocks)
    }

    /// Pushes the file into the sink, which is not finished.
    func copy(into sink: any ByteSink, progress: ProgressHandler? = nil) throws {
        var number = 0
        var done = 0
        try forEachBlock(of: path) { block in
            guard number < blocks.count, SHA256.hash(block) == blocks[number] else {
                throw Self.refusal(file, "changed while it was read")
            }
            number += 1
            try sink.write(block)
            done += block.count
            progress?(Progress("reading \(file.name)", bytes: done, totalBytes: file.size))
        }
        guard number == blocks.count else { throw Self.refusal(file, "was cut while it was read") }
    }

    private static func refusal(_ file: Manifest.File, _ problem: String) -> PlainFailure {
        PlainFailure(
            .malformed, "\(file.name) \(problem)",
            hint: "keep it for inspection, and restore another copy of this backup or another backup")
    }
}
