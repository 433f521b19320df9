import Cryptography
import Platform
import SystemPackage

/// A file that was compressed when it was rotated away: what unpacks it, and how it is known again without that.
struct PackedLog: Equatable, Sendable {
    let path: FilePath
    let program: String
    /// A hash over its size and both its ends.
    let mark: String

    private static let programs: [(magic: [UInt8], name: String, package: String)] = [
        ([0x1F, 0x8B], "gzip", "gzip"), ([0x28, 0xB5, 0x2F, 0xFD], "zstd", "zstd"),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], "xz", "xz-utils"), ([0x42, 0x5A, 0x68], "bzip2", "bzip2"),
        ([0x04, 0x22, 0x4D, 0x18], "lz4", "lz4"),
    ]

    static let endings = [".gz", ".zst", ".xz", ".bz2", ".lz4"]

    /// Nil when the file's first bytes are not those of a format that is known here.
    init?(_ path: FilePath) throws {
        let reader = try PartReader(path)
        let beginning = try reader.read(0..<4096)
        guard let known = Self.programs.first(where: { beginning.starts(with: $0.magic) }) else { return nil }
        let size = try FileIdentity(of: path).size
        self.path = path
        program = known.name
        mark = SHA256.hash(Array("\(size) ".utf8) + beginning + (try reader.read(max(0, size - 4096)..<size))).hex
    }

    /// Unpacks it into a file that has no name, which goes away with what is returned.
    ///
    /// - Throws: `ChildFailure` when the program is not there, or the file is not whole.
    func unpacked(in folder: FilePath) async throws -> UnpackedLog {
        let log = try UnpackedLog(in: folder)
        let (path, program) = (path, program)
        do {
            try await Child(FilePath(program), ["-dc", "--", path.string]).stream { reader in
                try reader.forEachChunk { try log.write($0) }
            }
        } catch let failure as ChildFailure where failure.end == .notStarted {
            let package = Self.programs.first { $0.name == program }?.package ?? program
            throw PlainFailure(
                .unavailable, "\(path) is compressed, and \(program) is not there to unpack it",
                hint: "install it (apt-get install \(package)), or unpack the file yourself")
        }
        return log
    }
}

/// What a compressed log holds, for as long as somebody reads it.
final class UnpackedLog: Sendable {
    private let descriptor: FileDescriptor

    fileprivate init(in folder: FilePath) throws {
        let path = Files.temporaryName(beside: folder.appending("unpacked"))
        descriptor = try Files.open(
            path, .readWrite, options: [.create, .exclusiveCreate], permissions: .ownerReadWrite)
        try Files.remove(path)
    }

    /// Its name in this process.
    var path: FilePath { FilePath("/proc/self/fd/\(descriptor.rawValue)") }

    fileprivate func write(_ bytes: Span<UInt8>) throws {
        try DescriptorSink(descriptor, name: "an unpacked log").write(bytes)
    }

    deinit {
        try? descriptor.close()
    }
}
