import Glibc
import Platform
import Synchronization

/// A web server that answers every request with 200 and remembers its first line.
final class PingServer: Sendable {
    private let listener: LoopbackPort

    var port: UInt16 { listener.number }

    init() throws {
        listener = try LoopbackPort()
    }

    func stop() { listener.stop() }

    /// The first lines of so many requests.
    func requests(_ count: Int) async throws -> [String] {
        try await onOwnThread { [listener] in (0..<count).map { _ in Self.serve(listener.descriptor) } }
    }

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
