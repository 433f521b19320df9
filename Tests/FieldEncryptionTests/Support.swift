import Cryptography
import FieldEncryption
import Platform
import SystemPackage

extension Keyring {
    static func test() -> Keyring { .generate(at: Timestamp(seconds: 1_800_000_000)) }

    /// With one key more, which is active.
    func rotated() throws -> Keyring {
        try addingPending(at: Timestamp(seconds: 1_800_000_100)).activatingPending(
            at: Timestamp(seconds: 1_800_000_200))
    }
}

extension SecretBytes {
    convenience init(_ text: String) {
        var bytes = Array(text.utf8)
        self.init(taking: &bytes)
    }

    var bytes: [UInt8] { withBytes { span in span.indices.map { span[$0] } } }
}

extension AgeIdentity {
    var secret: SecretBytes { text ?? SecretBytes("") }
}

/// The code of what `body` throws; nil when it throws nothing.
func code(_ body: () throws -> Void) throws -> FieldError.Code? {
    do {
        try body()
        return nil
    } catch let error as FieldError {
        return error.code
    }
}

/// The code of what `body` throws; nil when it throws nothing.
func cipherCode(_ body: () throws -> Void) throws -> FieldCipherError.Code? {
    do {
        try body()
        return nil
    } catch let error as FieldCipherError {
        return error.code
    }
}

/// The folder of this package.
let packageRoot: FilePath = {
    var path = FilePath(#filePath)
    for _ in 0..<3 { path.removeLastComponent() }
    return path
}()
