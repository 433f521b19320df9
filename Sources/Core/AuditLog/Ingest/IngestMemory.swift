import FoundationEssentials
import Platform

/// What ingesting must know about lines that it has taken already.
struct IngestMemory: Codable, Equatable, Sendable {
    struct Session: Codable, Equatable, Sendable {
        /// The last line's number.
        var line: Int
        /// Seconds since 1970 of the last line, to forget sessions by.
        var seen: Int64
        /// Of the last statement that pgaudit told of: a hash, its line, its class, its command.
        var statement: Int?
        var auditLine: Int?
        var auditClass: String?

        /// Goes on to a line, and says which was the last before; nil for a session that begins with it.
        mutating func advance(to number: Int, _ time: Timestamp) -> Int? {
            let last = line < 0 ? nil : line
            line = max(line, number)
            seen = time.microseconds / 1_000_000
            return last
        }

        mutating func note(_ statement: Int, auditLine: Int?, auditClass: String) {
            (self.statement, self.auditLine, self.auditClass) = (statement, auditLine, auditClass)
        }
    }

    var version = 1
    /// Roles that have logged in; a name that failed and is none of these may be a password typed in the wrong place.
    var roles: Set<String> = []
    /// By session and kind of log; by session alone those of superusers, which are reported once.
    var sessions: [String: Session] = [:]
    /// Logins of roles that nobody has seen yet: the server may refuse them in its next line.
    var pending: [String: ServerLogLine] = [:]
    /// The first moment that was ever taken: sessions that began later have all of their lines.
    var began: Timestamp?
    /// The batch that these facts belong to, as its receipt names it.
    var batch = ""
    /// Where in the log to look for receipts that are newer than this.
    var segment = ""
    var offset = 0
    var receipts: [FileReceipt] = []
    /// The marks of compressed files that need not be unpacked again.
    var packed: Set<String>?

    private static let sessionLimit = 100_000

    /// Forgets what is too old to matter, so that it stays small.
    mutating func tidy() {
        guard sessions.count > Self.sessionLimit else { return }
        let kept = sessions.sorted { $0.value.seen > $1.value.seen }.prefix(Self.sessionLimit / 2)
        sessions = Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.value) })
    }
}

extension IngestMemory {
    private enum CodingKeys: String, CodingKey {
        case version, roles, sessions, pending, began, batch, segment, offset, receipts, packed
    }

    /// All but the sessions, of which there may be a hundred thousand.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(version, forKey: .version)
        try container.encode(roles.sorted(), forKey: .roles)
        try container.encode(pending, forKey: .pending)
        try container.encodeIfPresent(began, forKey: .began)
        try container.encode(batch, forKey: .batch)
        try container.encode(segment, forKey: .segment)
        try container.encode(offset, forKey: .offset)
        try container.encode(receipts, forKey: .receipts)
        try container.encodeIfPresent(packed?.sorted(), forKey: .packed)
    }

    /// As a document that `init(from:)` reads; the sessions are written by hand, in a tenth of an encoder's time and memory.
    func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        var rest = Array(try encoder.encode(self).dropFirst())
        rest.removeLast()
        var line = JSONLine()
        line.bytes.reserveCapacity(rest.count + sessions.count * 128)
        line.object {
            $0.members(rest)
            $0.object("sessions") {
                for (key, session) in sessions {
                    $0.object(key) {
                        $0.member("line", session.line)
                        $0.member("seen", session.seen)
                        $0.member("statement", session.statement)
                        $0.member("auditLine", session.auditLine)
                        $0.member("auditClass", session.auditClass)
                    }
                }
            }
        }
        return line.bytes
    }
}

/// How far a file of a server's log has been taken, and how it is known again whatever it is called now.
package struct FileReceipt: Codable, Equatable, Sendable {
    package var path: String
    package var inode: UInt64
    /// How many of the first bytes the hash `head` is over.
    package var headLength: Int
    package var head: String
    package var offset: Int
    /// Of the last bytes before `offset`, at most `FileReceipt.edge` of them.
    package var tail: String

    static let edge = 1024
}
