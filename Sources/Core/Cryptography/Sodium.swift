import CLinux
import CSodium
import Glibc

/// libsodium, started once for the whole process before the first call into it.
enum Sodium {
    private static let isReady: Bool = sodium_init() >= 0

    static func start() {
        // It fails only when the system has no source of randomness: nothing safe can be done after that.
        guard isReady else { fatalError("libsodium found no source of randomness") }
    }
}

/// What a process that holds secrets could not be given.
package struct ProcessWarning: Equatable, Sendable {
    package let sentence: String
    package let hint: String
}

/// Prepares the process for holding secrets: no core dumps, no ptrace by others, secret memory locked.
///
/// Nothing fails here: a limit that forbids locking memory is an ordinary one, so the caller gets a warning to print.
package func prepareForSecrets() -> [ProcessWarning] {
    Sodium.start()
    var warnings: [ProcessWarning] = []
    if clinux_not_dumpable() != 0 {
        warnings.append(
            ProcessWarning(
                sentence: "a core dump of this process could hold secrets",
                hint: "allow prctl(PR_SET_DUMPABLE) in the unit's seccomp filter"))
    }
    if !canLockMemory() {
        warnings.append(
            ProcessWarning(
                sentence: "secrets cannot be locked into memory and may reach the swap space",
                hint: "raise the limit on locked memory (ulimit -l, LimitMEMLOCK=)"))
    }
    return warnings
}

/// sodium_malloc ignores a failing mlock, so it is tried once on a page of its own.
private func canLockMemory() -> Bool {
    let count = 4096
    guard let page = aligned_alloc(count, count) else { return false }
    defer { free(page) }
    guard sodium_mlock(page, count) == 0 else { return false }
    return sodium_munlock(page, count) == 0
}

extension Span<UInt8> {
    /// The bytes for a C call that takes no null pointer, not even for an empty message.
    func withPointer<R, E: Error>(_ body: (UnsafePointer<UInt8>, Int) throws(E) -> R) throws(E) -> R {
        try withUnsafeBufferPointer { bytes throws(E) in
            if let start = bytes.baseAddress { return try body(start, bytes.count) }
            var none: UInt8 = 0
            return try withUnsafePointer(to: &none) { pointer throws(E) in try body(pointer, 0) }
        }
    }
}
