import AuditLog
import Console
import Cryptography
import Platform
import PostgresClient
import SystemPackage

/// A place that keeps checkpoints: only what the log's host cannot change there protects the log.
enum AnchorTarget: Decodable, Sendable, Equatable {
    /// A file, made anew each time; `{size}` and `{date}` in its name are filled in.
    case file(String)
    /// A program that is given the checkpoint on standard input.
    case command([String])
    /// The system's log: journald or a syslog daemon, which may pass it on to another host.
    case syslog(FilePath)
    /// A table `dbaudit.checkpoints` in a database.
    case database(String)

    private enum Keys: String, CodingKey, CaseIterable {
        case file, command, syslog, database
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.strict(Keys.self)
        guard container.allKeys.count == 1, let key = container.allKeys.first else {
            throw Rejected(
                "an anchor is one of {\"file\": ...}, {\"command\": [...]}, {\"syslog\": \"/dev/log\"}, {\"database\": ...}",
                at: container.codingPath)
        }
        switch key {
        case .file: self = .file(try container.decode(String.self, forKey: key))
        case .command:
            let words = try container.decode([String].self, forKey: key)
            guard words.first?.isEmpty == false else {
                throw Rejected("command is a program and its arguments", at: container.codingPath + [key])
            }
            self = .command(words)
        case .syslog: self = .syslog(FilePath(try container.decode(String.self, forKey: key)))
        case .database: self = .database(try container.decode(String.self, forKey: key))
        }
    }

    var kind: String {
        switch self {
        case .file: "file"
        case .command: "command"
        case .syslog: "syslog"
        case .database: "database"
        }
    }

    /// As records and lists call it; a connection string is shown without what could be a secret.
    var name: String {
        switch self {
        case .file(let path): path
        case .command(let words): words[0]
        case .syslog(let socket): socket.string
        case .database(let text):
            (try? ConnectionParameters(database: text, applicationName: "dbaudit")).map { "\($0)" } ?? "a database"
        }
    }

    /// Puts the checkpoint there.
    func keep(_ checkpoint: SignedCheckpoint, _ context: Context) async throws {
        switch self {
        case .file(let pattern):
            let path = Self.path(pattern, checkpoint, context.now()).absolute
            try Files.write(
                Array(checkpoint.encoded.utf8), to: path, mode: [.ownerReadWrite, .groupRead, .otherRead])
        case .command(let words):
            try await Child(FilePath(words[0]), Array(words.dropFirst())).run(input: Array(checkpoint.encoded.utf8))
        case .syslog(let socket):
            let text = checkpoint.encoded.split(separator: "\n", omittingEmptySubsequences: false)
                .joined(separator: "\\n")
            try SystemLog(socket).send("checkpoint \(text)", as: "dbaudit")
        case .database(let text):
            let connection = try await Connection.open(
                try ConnectionParameters(database: text, applicationName: context.program))
            try await connection.script(
                """
                CREATE SCHEMA IF NOT EXISTS dbaudit;
                CREATE TABLE IF NOT EXISTS dbaudit.checkpoints (
                    origin text NOT NULL, size bigint NOT NULL, root bytea NOT NULL, checkpoint text NOT NULL,
                    kept_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
                    kept_by name NOT NULL DEFAULT session_user, PRIMARY KEY (origin, size, root));
                """)
            _ = try await connection.execute(
                """
                INSERT INTO dbaudit.checkpoints (origin, size, root, checkpoint)
                VALUES (\(checkpoint.checkpoint.origin), \(Int64(checkpoint.size)), \(checkpoint.root.bytes), \
                \(checkpoint.encoded)) ON CONFLICT DO NOTHING
                """)
        }
    }

    /// The checkpoints of a log that can be read back from there.
    func kept(of origin: String, _ context: Context) async throws -> [KeptCheckpoint] {
        switch self {
        case .file(let pattern):
            guard !pattern.contains("{") else { return [] }
            let path = FilePath(pattern).absolute
            guard Files.exists(path) else { return [] }
            return [KeptCheckpoint(try LogFolder.readCheckpoint(path), from: "the checkpoint \(path)")]
        case .command, .syslog: return []
        case .database(let text):
            let connection = try await Connection.open(
                try ConnectionParameters(database: text, applicationName: context.program))
            let rows = try await connection.query(
                "SELECT checkpoint FROM dbaudit.checkpoints WHERE origin = \(origin) ORDER BY size DESC LIMIT 1000")
            return try rows.map { row in
                KeptCheckpoint(
                    try SignedCheckpoint(parsing: Array((try row["checkpoint"] as String).utf8)),
                    from: "the checkpoint in \(name)")
            }
        }
    }

    private static func path(_ pattern: String, _ checkpoint: SignedCheckpoint, _ now: Timestamp) -> FilePath {
        FilePath(
            pattern.replacing("{size}", with: "\(checkpoint.size)")
                .replacing("{date}", with: String(now.brief.prefix(10))))
    }
}
