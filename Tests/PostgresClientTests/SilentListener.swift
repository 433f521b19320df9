import Glibc
import Platform
import SystemPackage

/// A Unix socket that takes connections and never says a word, as a host that hangs.
final class SilentListener: Sendable {
    private let descriptor: Int32

    init(_ path: FilePath) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.string.utf8) }
        let descriptor = descriptor
        _ = try system("listen at", path) {
            withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }
        _ = try system("listen at", path) { listen(descriptor, 5) }
    }

    func close() {
        Glibc.close(descriptor)
    }
}
