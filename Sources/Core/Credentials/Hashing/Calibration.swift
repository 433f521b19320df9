import Cryptography
package import Platform

/// How long schemes take on this machine, and which ones come nearest to a wanted time.
package struct Calibration: Sendable {
    package struct Measured: Encodable, Equatable, Sendable {
        package let scheme: String
        package let cost: Int?
        package let memoryKiB: Int?
        package let passes: Int?
        package let milliseconds: Double
        /// The strongest that stays within the target.
        package var isProposed = false
    }

    package let argon2id: [Measured]
    package let bcrypt: [Measured]

    /// Measures until the target is passed; Argon2id's memory grows first, up to `memoryLimit`, then its passes.
    package static func measure(
        target: Duration, memoryLimitKiB: Int, progress: ProgressHandler? = nil
    ) async throws -> Calibration {
        var password = Array("a password to calibrate with".utf8)
        let secret = SecretBytes(taking: &password)
        let limit = milliseconds(target)
        var argon2id: [Measured] = []
        var (memory, passes) = (19_456, 2)
        while true {
            progress?(Progress("measuring argon2id, \(memory / 1024) MiB, \(passes) passes"))
            let (size, count) = (memory, passes)
            let taken = try await best {
                _ = try secret.withBytes {
                    try Argon2.derive(
                        .id, from: $0, salt: Array(repeating: 7, count: Argon2.saltBytes), memoryKiB: size,
                        passes: count)
                }
            }
            argon2id.append(
                Measured(scheme: "argon2id", cost: nil, memoryKiB: memory, passes: passes, milliseconds: taken))
            if taken >= limit { break }
            if memory * 2 <= memoryLimitKiB {
                memory *= 2
            } else {
                // The time is proportional to the passes: no need to try each.
                passes = max(passes + 1, min(Int(Double(passes) * limit / taken), passes * 4))
            }
            if passes > 1_000 { break }
        }
        var bcrypt: [Measured] = []
        for cost in HashScheme.costs {
            progress?(Progress("measuring bcrypt, cost \(cost)"))
            let settings = try Crypt.freshSettings(prefix: "$2b$", cost: cost)
            let taken = try await best {
                _ = try secret.withBytes { try Crypt.hash($0, settings: settings) }
            }
            bcrypt.append(Measured(scheme: "bcrypt", cost: cost, memoryKiB: nil, passes: nil, milliseconds: taken))
            if taken >= limit { break }
        }
        return Calibration(argon2id: marked(argon2id, limit), bcrypt: marked(bcrypt, limit))
    }

    /// The best of three: other work on the machine only ever makes it slower.
    private static func best(_ body: @escaping @Sendable () throws -> Void) async throws -> Double {
        var best = Double.infinity
        for _ in 0..<3 {
            try Task.checkCancellation()
            let taken = try await onOwnThread {
                let start = ContinuousClock.now
                try body()
                return ContinuousClock.now - start
            }
            best = min(best, milliseconds(taken))
            if best > 1_000 { break }
        }
        return best
    }

    private static func marked(_ list: [Measured], _ limit: Double) -> [Measured] {
        guard let index = list.lastIndex(where: { $0.milliseconds <= limit }) ?? list.indices.first else { return list }
        var list = list
        list[index].isProposed = true
        return list
    }

    package static func milliseconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) * 1000 + Double(duration.components.attoseconds) / 1e15
    }
}
