import SystemPackage

/// How much memory the machine has left.
package enum Memory {
    /// The bytes that programs may still take without swapping, as the kernel estimates it; nil where it does not say.
    package static var available: Int? {
        guard let bytes = try? Files.read("/proc/meminfo", limit: 1 << 16) else { return nil }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") where line.hasPrefix("MemAvailable:")
        {
            return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
        }
        return nil
    }
}
