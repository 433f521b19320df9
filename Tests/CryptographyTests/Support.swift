import Cryptography
import Platform
import SystemPackage

/// Runs `body` with an empty folder, which is gone afterwards.
func withFolder<R>(_ body: (FilePath) async throws -> R) async throws -> R {
    let folder = try Files.makeTemporaryDirectory(prefix: "dbsec-cryptography")
    let result: Result<R, any Error>
    do { result = .success(try await body(folder)) } catch { result = .failure(error) }
    try Files.removeTree(folder)
    return try result.get()
}

extension SecretBytes {
    convenience init(_ text: String) {
        var bytes = Array(text.utf8)
        self.init(taking: &bytes)
    }

    var bytes: [UInt8] {
        withBytes { span in span.indices.map { span[$0] } }
    }

    var string: String { String(decoding: bytes, as: UTF8.self) }
}

extension AgeIdentity {
    init(_ text: String) throws {
        try self.init(parsing: Array(text.utf8).span)
    }
}

/// Bytes that differ from each other and from one seed to the next, the same in every run.
func content(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 56)
    }
}

func encrypt(_ bytes: [UInt8], to recipients: [AgeRecipient], piece: Int = .max) throws -> [UInt8] {
    let end = CollectingSink()
    try push(bytes, through: AgeEncryptor(to: recipients, into: end), piece: piece)
    return end.bytes
}

func decrypt(_ bytes: [UInt8], with identities: [AgeIdentity], piece: Int = .max) throws -> [UInt8] {
    let end = CollectingSink()
    try push(bytes, through: AgeDecryptor(with: identities, into: end), piece: piece)
    return end.bytes
}

/// Writes the bytes in pieces of one size, and finishes.
func push(_ bytes: [UInt8], through sink: any ByteSink, piece: Int = .max) throws {
    var start = 0
    while start < bytes.count {
        let end = start + min(piece, bytes.count - start)
        try sink.write(bytes.span.extracting(start..<end))
        start = end
    }
    try sink.finish()
}

/// The code of what `body` throws; nil when it throws nothing.
func code(_ body: () throws -> Void) throws -> CryptographyError.Code? {
    do {
        try body()
        return nil
    } catch let error as CryptographyError {
        return error.code
    }
}
