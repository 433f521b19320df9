import Cryptography
import Platform
import SystemPackage

/// One file of a backup while it is written: compressed, encrypted, hashed, and fsynced at the end.
///
/// The stream reads from left to right: content -> zstd -> age -> SHA-256 -> file.
final class SealedFile: ByteSink {
    private let content: ZstdCompressor
    private let sealed: HashingSink
    private var contentSize = 0
    private let path: FilePath

    init(creating path: FilePath, for recipients: [AgeRecipient], workers: Int32 = 2) throws {
        self.path = path
        sealed = HashingSink(into: try FileSink(creating: path, mode: RepositoryMode.file))
        let encrypted = try AgeEncryptor(to: recipients, into: sealed)
        content = try ZstdCompressor(into: encrypted, level: 3, workers: workers)
    }

    func write(_ bytes: Span<UInt8>) throws {
        contentSize += bytes.count
        try content.write(bytes)
    }

    func finish() throws {
        try content.finish()
    }

    /// What the manifest says about the file, once it is finished.
    func entry(_ role: Manifest.File.Role, database: String? = nil) throws -> Manifest.File {
        guard let digest = sealed.digest, let name = path.lastComponent?.string else {
            throw PlainFailure(.internalError, "\(path) was not finished")
        }
        return Manifest.File(
            name: name, role: role, database: database, size: sealed.count, sha256: digest, contentSize: contentSize)
    }
}
