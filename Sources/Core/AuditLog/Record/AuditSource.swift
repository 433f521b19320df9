import Glibc
import Platform
import SystemPackage

/// The person behind an act, as far as the operating system knows.
package struct AuditActor: Codable, Equatable, Sendable {
    /// The account the program runs as.
    package var user: String
    package var uid: UInt32
    /// The account that logged in, which `sudo` and `su` do not change; absent in services.
    package var loginuid: UInt32?
    /// That account's name.
    package var login: String?
    /// The account that called sudo, as sudo says.
    package var sudo: String?
    /// The role in the database.
    package var role: String?
    /// The terminal that controls the process, such as `pts/3`; absent under cron and in services.
    package var terminal: String?

    package init(
        user: String, uid: UInt32, loginuid: UInt32? = nil, login: String? = nil, sudo: String? = nil,
        role: String? = nil, terminal: String? = nil
    ) {
        self.user = user
        self.uid = uid
        self.loginuid = loginuid
        self.login = login
        self.sudo = sudo
        self.role = role
        self.terminal = terminal
    }

    /// Whoever runs this process.
    package static func current(environment: [String: String]) -> AuditActor {
        let account = Account.current
        let loginuid = kernelNumber("/proc/self/loginuid")
        return AuditActor(
            user: account.name, uid: account.uid, loginuid: loginuid,
            login: loginuid.flatMap { Account.numbered($0)?.name }, sudo: environment["SUDO_USER"]?.beginning(100),
            terminal: controllingTerminal())
    }
}

/// Where records come from: a program, its version, and who runs it on which host.
package struct AuditSource: Equatable, Sendable {
    package let program: String
    package let version: String
    package let host: String
    package let boot: String
    package let pid: Int32
    package let session: UInt32?
    package let actor: AuditActor
    /// Where the person sits, as sshd says: personal data.
    package let address: String?

    package init(program: String, version: String, environment: [String: String]) {
        self.program = program
        self.version = version
        host = kernelText("/proc/sys/kernel/hostname") ?? "unknown"
        boot = kernelText("/proc/sys/kernel/random/boot_id") ?? "unknown"
        pid = getpid()
        session = kernelNumber("/proc/self/sessionid")
        address = environment["SSH_CLIENT"]?.split(separator: " ").first.map { $0.beginning(100) }
        actor = AuditActor.current(environment: environment)
    }

    /// The name of a new log: no two logs share one, on whatever hosts.
    package var freshOrigin: String {
        func safe(_ text: String) -> String {
            String(text.map { $0.isASCII && ($0.isLetter || $0.isNumber || ".-_".contains($0)) ? $0 : "-" }.prefix(100))
        }
        let random = Hex.encode((0..<8).map { _ in UInt8.random(in: .min ... .max) })
        return "\(safe(host))/dbsec/\(safe(actor.user))/\(random)"
    }
}

/// Identifiers that sort by time and that nobody hands out twice (RFC 9562, section 5.7).
///
/// Of one run of them only the first is random, and each after it is one more: section 6.2, method 2.
struct UUIDv7 {
    private var high = UInt64.random(in: 0...0xFFF)
    private var low = UInt64.random(in: .min ... .max) >> 2

    static func make(at time: Timestamp) -> String {
        var ids = UUIDv7()
        return ids.next(at: time)
    }

    mutating func next(at time: Timestamp) -> String {
        low &+= 1
        let milliseconds = UInt64(max(0, time.microseconds / 1000)) & 0xFFFF_FFFF_FFFF
        let high = milliseconds << 16 | 0x7000 | high
        let low = low & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        var text: [UInt8] = []
        text.reserveCapacity(36)
        for word in [high, low] {
            for shift in stride(from: 60, through: 0, by: -4) {
                let count = text.count
                if count == 8 || count == 13 || count == 18 || count == 23 { text.append(UInt8(ascii: "-")) }
                let digit = UInt8(truncatingIfNeeded: word >> UInt64(shift)) & 15
                text.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// The terminal of the session, whatever standard input leads to: field 7 of `/proc/self/stat` (proc(5)).
private func controllingTerminal() -> String? {
    // The name in parentheses may hold anything: the fields are counted from behind it.
    guard let text = kernelText("/proc/self/stat"), let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[end...].split(separator: " ")
    guard fields.count > 5, let device = UInt32(fields[5]), device != 0 else { return nil }
    let (major, minor) = (device >> 8 & 0xFFF, device & 0xFF | device >> 12 & 0xFFF00)
    return switch major {
    case 136...143: "pts/\((major - 136) << 20 | minor)"
    case 4 where minor < 64: "tty\(minor)"
    case 4: "ttyS\(minor - 64)"
    default: "\(major):\(minor)"
    }
}

/// Nil where the kernel has nothing to say, which it spells as its largest number.
private func kernelNumber(_ path: FilePath) -> UInt32? {
    guard let number = kernelText(path).flatMap({ UInt32($0) }), number != .max else { return nil }
    return number
}

/// Nanoseconds since the machine started, time asleep included.
func uptime() -> Int64 {
    let (seconds, attoseconds) = ContinuousClock().systemEpoch.duration(to: .now).components
    return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
}

private func kernelText(_ path: FilePath) -> String? {
    guard let bytes = try? Files.read(path, limit: 4096) else { return nil }
    let text = String(decoding: bytes.prefix { $0 != lineFeed }, as: UTF8.self)
    return text.isEmpty ? nil : text
}
