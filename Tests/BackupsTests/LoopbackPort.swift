import Glibc
import Platform

/// A TCP port on this host's loopback that takes connections, for as long as somebody holds it.
final class LoopbackPort: Sendable {
    let number: UInt16
    let descriptor: Int32

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let isListening = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, size) == 0 && listen(descriptor, 8) == 0
                    && getsockname(descriptor, address, &size) == 0
            }
        }
        number = UInt16(bigEndian: address.sin_port)
        guard isListening else { throw PlainFailure(.unavailable, "no port to listen on") }
    }

    /// Takes none any more.
    func stop() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    deinit {
        close(descriptor)
    }
}
