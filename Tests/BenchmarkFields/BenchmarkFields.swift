import FieldEncryption
import Platform

/// Fields a second through the Swift API, for `scripts/benchmark-fields`: one line of JSON for each size.
@main enum BenchmarkFields {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3 else { throw PlainFailure(.usage, "benchmark-fields KEYRING IDENTITY") }
        let cipher = try await FieldCipher.open(arguments[1], unlock: .file(arguments[2]))
        let column = try cipher.column("users.phone", indexes: [BlindIndex("exact", [.lowercase], bits: 16)])
        for count in [16, 32, 64] {
            let value = [UInt8](repeating: 0x41, count: count)
            let text = String(repeating: "a", count: count)
            let sealed = try column.encrypt(value)
            let sealedText = try column.encrypt(text)
            let rates = [
                ("encrypt", try rate { _ = try column.encrypt(value) }),
                ("decrypt", try rate { _ = try column.decrypt(sealed) }),
                ("encrypt text", try rate { _ = try column.encrypt(text) }),
                ("decrypt text", try rate { _ = try column.decryptText(sealedText) }),
                ("index", try rate { _ = try column.index("exact", of: text) }),
            ]
            for (name, rate) in rates {
                try StandardOutput.write("{\"what\": \"\(name)\", \"bytes\": \(count), \"rate\": \(Int(rate))}\n")
            }
        }
    }

    /// The best of five rounds of about a fifth of a second: what the machine can do when nobody else is there.
    private static func rate(_ body: () throws -> Void) throws -> Double {
        var best = 0.0
        let clock = ContinuousClock()
        for _ in 0..<5 {
            let begin = clock.now
            var calls = 0
            var took = Duration.zero
            while took < .milliseconds(200) {
                for _ in 0..<1000 { try body() }
                calls += 1000
                took = clock.now - begin
            }
            best = max(best, Double(calls) / took.asSeconds)
        }
        return best
    }
}
