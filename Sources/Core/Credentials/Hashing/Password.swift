package import Cryptography

/// A password somebody typed: in guarded memory, wiped when released, printed as `<secret>`.
public final class Password: Sendable, CustomStringConvertible, CustomReflectable {
    package let secret: SecretBytes

    /// Takes the UTF-8 bytes over: the source is wiped and left empty.
    public init(taking bytes: inout [UInt8]) {
        secret = SecretBytes(taking: &bytes)
    }

    /// Copies a text; the text itself stays wherever it was, so prefer `init(taking:)`.
    public convenience init(_ text: String) {
        var bytes = Array(text.utf8)
        self.init(taking: &bytes)
    }

    package init(_ secret: SecretBytes) {
        self.secret = secret
    }

    /// How long it is in UTF-8.
    public var byteCount: Int { secret.count }

    /// How long it is as NIST SP 800-63B counts: in Unicode code points.
    public var characterCount: Int {
        secret.withBytes { bytes in
            // Every byte but the second and later ones of a character begins one.
            bytes.indices.reduce(0) { $0 + (bytes[$1] & 0xC0 == 0x80 ? 0 : 1) }
        }
    }

    public var description: String { "<secret>" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
