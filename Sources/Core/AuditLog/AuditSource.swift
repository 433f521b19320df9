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
    package var sudo: String?
    /// The role in the database.
    package var role: String?

    package init(user: String, uid: UInt32, loginuid: UInt32? = nil, sudo: String? = nil, role: String? = nil) {
        self.user = user
        self.uid = uid
        self.loginuid = loginuid
        self.sudo = sudo
        self.role = role
    }

    /// Whoever runs this process.
    package static func current(environment: [String: String]) -> AuditActor {
        let account = Account.current
        let loginuid = kernelText("/proc/self/loginuid").flatMap { UInt32($0) }
        return AuditActor(
            user: account.name, uid: account.uid, loginuid: loginuid == .max ? nil : loginuid,
            sudo: environment["SUDO_USER"])
    }
}

/// Where records come from: a program, its version, and who runs it on which host.
package struct AuditSource: Equatable, Sendable {
    package let program: String
    package let version: String
    package let host: String
    package let boot: String
    package let pid: Int32
    package let actor: AuditActor

    package init(program: String, version: String, environment: [String: String]) {
        self.program = program
        self.version = version
        host = kernelText("/proc/sys/kernel/hostname") ?? "unknown"
        boot = kernelText("/proc/sys/kernel/random/boot_id") ?? "unknown"
        pid = getpid()
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

    /// The event as the record that takes place `seq`, at this moment.
    func record(_ event: AuditEvent, seq: Int) -> AuditRecord {
        let now = Timestamp.now()
        var actor = actor
        actor.role = event.role
        return AuditRecord(
            seq: seq, id: UUIDv7.make(at: now), time: now, clock: AuditRecord.Clock(boot: boot, ns: uptime()),
            actor: actor, host: host, program: program, version: version, pid: pid, action: event.action.rawValue,
            phase: event.phase, outcome: event.outcome, reason: event.reason.map { String($0.prefix(2000)) },
            status: event.status?.rawValue,
            ref: event.ref, target: event.target == AuditTarget() ? nil : event.target,
            facts: event.facts.isEmpty ? nil : event.facts)
    }
}

/// Identifiers that sort by time and that nobody hands out twice (RFC 9562, section 5.7).
enum UUIDv7 {
    static func make(at time: Timestamp) -> String {
        let milliseconds = UInt64(max(0, time.microseconds / 1000)) & 0xFFFF_FFFF_FFFF
        let high = milliseconds << 16 | 0x7000 | UInt64.random(in: 0...0xFFF)
        let low = UInt64.random(in: .min ... .max) & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        let bytes = [high, low].flatMap { word in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
        }
        let digits = Array(Hex.encode(bytes))
        return [digits[0..<8], digits[8..<12], digits[12..<16], digits[16..<20], digits[20...]]
            .map { String($0) }.joined(separator: "-")
    }
}

/// Nanoseconds since the machine started, time asleep included.
private func uptime() -> Int64 {
    let (seconds, attoseconds) = ContinuousClock().systemEpoch.duration(to: .now).components
    return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
}

private func kernelText(_ path: FilePath) -> String? {
    guard let bytes = try? Files.read(path, limit: 4096) else { return nil }
    let text = String(decoding: bytes.prefix { $0 != lineFeed }, as: UTF8.self)
    return text.isEmpty ? nil : text
}
