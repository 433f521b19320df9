import Cryptography
import Platform
import SystemPackage

/// A list of common passwords as a Bloom filter: it never misses one, and takes a rare other one for one of them.
///
/// Upper and lower case count as the same. The file holds no password, only bits.
public struct Blocklist: Sendable {
    /// How many passwords went into it.
    public let count: Int
    private let probes: Int
    private let bits: [UInt8]

    private static let magic = Array("dbsec blocklist 1\n".utf8)
    package static let sizeLimit = 1 << 30

    /// Builds the filter; `rate` is how often a password that is not on the list is taken for one that is.
    package init(_ list: [UInt8], rate: Double = 0.000_1) throws(CredentialsError) {
        let lines = list.split(separator: 10).map { $0.last == 13 ? $0.dropLast() : $0 }.filter { !$0.isEmpty }
        guard !lines.isEmpty else {
            throw CredentialsError(.malformed, "the list of passwords is empty", hint: "give one password a line")
        }
        guard rate >= 1e-9, rate <= 0.1 else {
            throw CredentialsError(.malformed, "the rate of false alarms is from 0.000000001 to 0.1")
        }
        // The optimum: m = -n log2(p) / ln 2 bits and k = -log2(p) probes; log2 by halving, which needs no C library.
        let halvings = Self.halvings(to: rate)
        let size = max(64, Int(Double(lines.count) * halvings * 1.442_695_040_9)) / 8 + 1
        guard size <= Self.sizeLimit else {
            throw CredentialsError(.malformed, "the list is too long for one filter", hint: "allow a higher --rate")
        }
        var bits = [UInt8](repeating: 0, count: size)
        let probes = max(1, Int(halvings.rounded()))
        for line in lines {
            Self.each(probe: probes, of: Array(line.map(Self.lowercased)), among: size * 8) { bit in
                bits[bit >> 3] |= 1 << UInt8(bit & 7)
                return true
            }
        }
        (self.count, self.probes, self.bits) = (lines.count, probes, bits)
    }

    private init(count: Int, probes: Int, bits: [UInt8]) {
        (self.count, self.probes, self.bits) = (count, probes, bits)
    }

    /// Reads the file that `dbauth blocklist` made.
    public init(file: String) throws {
        let bytes = try Files.read(FilePath(file), limit: Self.sizeLimit + 64)
        let head = Self.magic.count
        guard bytes.starts(with: Self.magic), bytes.count > head + 9 else {
            throw CredentialsError(
                .malformed, "\(file) is no list of common passwords", hint: "make it with dbauth blocklist")
        }
        let count = bytes[head..<head + 8].reduce(0) { $0 << 8 | UInt64($1) }
        let probes = Int(bytes[head + 8])
        guard probes > 0, probes <= 40, let count = Int(exactly: count) else {
            throw CredentialsError(.malformed, "\(file) is no list of common passwords: its head is wrong")
        }
        self.init(count: count, probes: probes, bits: Array(bytes[(head + 9)...]))
    }

    /// The file's bytes: a line that names the format, the count in 8 bytes, the number of probes in one, then the bits.
    package var encoded: [UInt8] {
        Self.magic + (0..<8).map { UInt8(truncatingIfNeeded: count >> (56 - 8 * $0)) } + [UInt8(probes)] + bits
    }

    public func contains(_ password: Password) -> Bool {
        var bytes = password.secret.withBytes { bytes in bytes.indices.map { Self.lowercased(bytes[$0]) } }
        defer { wipe(&bytes) }
        var isIn = true
        Self.each(probe: probes, of: bytes, among: bits.count * 8) { bit in
            isIn = bits[bit >> 3] & (1 << UInt8(bit & 7)) != 0
            return isIn
        }
        return isIn
    }

    static func lowercased(_ byte: UInt8) -> UInt8 {
        (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
    }

    /// Kirsch and Mitzenmacher: two halves of one digest give all probes.
    private static func each(probe count: Int, of bytes: [UInt8], among size: Int, _ body: (Int) -> Bool) {
        let digest = SHA256.hash(bytes.span)
        let (first, second) = (digest.firstWords.0, digest.firstWords.1 | 1)
        for probe in 0..<UInt64(count) where !body(Int((first &+ probe &* second) % UInt64(size))) { return }
    }

    private static func halvings(to rate: Double) -> Double {
        var (value, whole) = (rate, 0.0)
        while value < 0.5 {
            value *= 2
            whole += 1
        }
        // Between 1/2 and 1 a straight line is near enough for a size.
        return whole + (1 - value) * 2
    }
}
