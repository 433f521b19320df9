import CLibPQ
package import Platform

/// Where and as whom to connect, by libpq's own rules: what is not said here comes from `PG*`, the service file and
/// `.pgpass`.
///
/// A password may be inside (from a URI or a conninfo string); no description and no argument list ever shows it.
package struct ConnectionParameters: Sendable {
    private(set) var settings: [String: String] = [:]
    private var secrets: Set<String> = []

    /// Reads the values of `-d` (a name, a URI or a conninfo string), `-h`, `-p` and `-U`.
    ///
    /// As in psql, what a URI or conninfo string says beats the other options.
    package init(
        database: String? = nil, host: String? = nil, port: String? = nil, user: String? = nil,
        applicationName: String? = nil
    ) throws(PlainFailure) {
        settings["host"] = host
        settings["port"] = port
        settings["user"] = user
        settings["application_name"] = applicationName
        if let database, Self.isConnectionString(database) {
            try read(database)
        } else {
            settings["dbname"] = database
        }
        for value in settings.values where value.utf8.contains(0) {
            throw PlainFailure(.usage, "a connection option contains a NUL character")
        }
    }

    /// The database that was named; nil leaves it to libpq.
    package var database: String? { settings["dbname"] }
    package var host: String? { settings["host"] }
    package var port: String? { settings["port"] }
    package var user: String? { settings["user"] }

    /// The same server and user, another database; the name is never read as a connection string.
    package func with(database: String) -> ConnectionParameters { setting("dbname", to: database) }

    package func with(user: String) -> ConnectionParameters { setting("user", to: user) }

    package func with(applicationName: String) -> ConnectionParameters {
        setting("application_name", to: applicationName)
    }

    package func with(password: String) -> ConnectionParameters {
        var copy = setting("password", to: password)
        copy.secrets.insert("password")
        return copy
    }

    /// Adds command-line options for the server's session (`-c name=value`), after those that are there: the last one wins,
    /// also over what role and database say.
    package func with(serverOptions: String) -> ConnectionParameters {
        let present = settings["options"] ?? ProcessEnvironment.variables["PGOPTIONS"]
        return setting("options", to: [present, serverOptions].compactMap(\.self).joined(separator: " "))
    }

    private func setting(_ keyword: String, to value: String) -> ConnectionParameters {
        var copy = self
        copy.settings[keyword] = value
        return copy
    }

    /// The rule of libpq's `expand_dbname` (fe-connect.c, recognized_connection_string).
    private static func isConnectionString(_ text: String) -> Bool {
        text.hasPrefix("postgresql://") || text.hasPrefix("postgres://") || text.contains("=")
    }

    private mutating func read(_ connectionString: String) throws(PlainFailure) {
        var complaint: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(connectionString, &complaint) else {
            defer { PQfreemem(complaint) }
            throw PlainFailure(
                .usage, "cannot read the connection string: \(Self.harmless(complaint))",
                hint: "write name=value pairs, or postgresql://user@host:port/database")
        }
        defer { PQconninfoFree(options) }
        var option = options
        while let keyword = option.pointee.keyword {
            let name = String(cString: keyword)
            if let value = option.pointee.val {
                settings[name] = String(cString: value)
                if Self.isSecret(option.pointee) { secrets.insert(name) }
            }
            option += 1
        }
    }

    /// libpq marks what must be hidden when shown with a star.
    private static func isSecret(_ option: PQconninfoOption) -> Bool {
        option.dispchar.map { $0.pointee == CChar(UInt8(ascii: "*")) } ?? false
    }

    /// libpq's complaint up to the first quote: what it quotes may be half a password or the whole URI.
    private static func harmless(_ complaint: UnsafeMutablePointer<CChar>?) -> String {
        guard let complaint else { return "out of memory" }
        let text = String(cString: complaint).prefix { $0 != "\"" && $0 != "\n" }
        let words = text.split(separator: " ")
        return words.isEmpty ? "it is malformed" : words.joined(separator: " ")
    }
}

/// What pg_dump, pg_restore and psql need to connect exactly as we do.
package struct ProgramConnection: Sendable {
    /// `--dbname=` with a conninfo string that holds no secret.
    package let argument: String
    /// The password, when one came in a connection string; everything else the child inherits.
    package let environment: [String: String?]

    /// With further changes to the inherited environment; nil removes a variable.
    package func changing(_ variables: [String: String?]) -> ProgramConnection {
        ProgramConnection(argument: argument, environment: environment.merging(variables) { _, new in new })
    }
}

extension ConnectionParameters {
    /// The way for child programs to connect as these parameters say.
    package func forPrograms() throws(PlainFailure) -> ProgramConnection {
        if let secret = secrets.subtracting(["password"]).min() {
            throw PlainFailure(
                .configuration, "\(secret) in a connection string cannot be handed to programs without showing it",
                hint: "put it into a service file (pg_service.conf) and connect with service=NAME")
        }
        let shown = settings.filter { !secrets.contains($0.key) && !$0.value.isEmpty }
        let conninfo = shown.sorted { $0.key < $1.key }.map { "\($0.key)='\(Self.escape($0.value))'" }
        return ProgramConnection(
            argument: "--dbname=" + conninfo.joined(separator: " "),
            environment: settings["password"].map { ["PGPASSWORD": $0] } ?? [:])
    }

    private static func escape(_ value: String) -> String {
        let bytes = value.utf8.flatMap { byte -> [UInt8] in
            byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\\") ? [UInt8(ascii: "\\"), byte] : [byte]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension ConnectionParameters: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String {
        settings.sorted { $0.key < $1.key }.map { key, value in
            "\(key)=\(secrets.contains(key) ? "<hidden>" : value)"
        }.joined(separator: " ")
    }

    package var debugDescription: String { description }

    package var customMirror: Mirror { Mirror(self, children: []) }
}
