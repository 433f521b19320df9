import CLinux
import Glibc
package import SystemPackage

/// The log of the machine: journald or a syslog daemon, whichever listens.
package struct SystemLog: Sendable {
    private let socket: FilePath

    package init(_ socket: FilePath = "/dev/log") {
        self.socket = socket
    }

    /// Hands over one line, with the priority "auth.notice" that daemons keep apart and durable.
    ///
    /// - Throws: `FileFailure` when nobody listens.
    package func send(_ text: String, as program: String) throws {
        // RFC 3164: facility 4 (auth), severity 5 (notice); the daemon adds time and host.
        let message = Array("<37>\(program)[\(getpid())]: \(text)".utf8)
        _ = try system("write to the system's log", socket) {
            socket.withPlatformString { path in
                message.withUnsafeBytes { bytes in
                    bytes.withMemoryRebound(to: CChar.self) { clinux_syslog(path, $0.baseAddress, $0.count) }
                }
            }
        }
    }
}
