import Glibc
import Platform
import Synchronization

/// A web server that answers every request with 200 and remembers its first line.
final class PingServer: Sendable {
    let port: UInt16
    private let descriptor: Int32

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let number = descriptor
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(number, address, size) == 0 && listen(number, 8) == 0 && getsockname(number, address, &size) == 0
            }
        }
        guard bound else { throw PlainFailure(.unavailable, "no port to listen on") }
        port = UInt16(bigEndian: address.sin_port)
    }

    /// The first lines of so many requests.
    func requests(_ count: Int) async throws -> [String] {
        try await onOwnThread { [descriptor] in (0..<count).map { _ in Self.serve(descriptor) } }
    }

    func close() { Glibc.close(descriptor) }

    private static func serve(_ listener: Int32) -> String {
        let client = accept(listener, nil, nil)
        defer { Glibc.close(client) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(client, &buffer, buffer.count)
        let answer = Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK".utf8)
        _ = write(client, answer, answer.count)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
            .split(separator: "\r\n").first.map(String.init) ?? ""
    }
}

/// Collects warnings from wherever they come.
final class Warnings: Sendable {
    private let found = Mutex<[String]>([])
    var all: [String] { found.withLock { $0 } }
    func add(_ text: String) { found.withLock { $0.append(text) } }
}
