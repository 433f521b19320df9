public import ArgumentParser
package import PostgresClient
public import SystemPackage

/// What every verb takes.
package struct CommonOptions: ParsableArguments, Sendable {
    @Flag(help: "Print the result as one JSON document.")
    package var json = false

    @Flag(help: "Print nothing when all is well.")
    package var quiet = false

    @Option(
        help: "The state folder: audit log, keys, backups (default: DBSEC_STATE, or one for this account).",
        completion: .directory)
    package var state: FilePath?

    @Option(help: "The configuration file (default: DBSEC_CONFIG, or /etc/dbsec/dbsec.json).", completion: .file())
    package var config: FilePath?

    package init() {}
}

/// Where the server is; what is not said is taken from PGHOST, PGSERVICE, .pgpass and the rest of libpq's own rules.
package struct ServerOptions: ParsableArguments, Sendable {
    @Option(
        name: [.short, .long], help: "A database name, a URI, or a libpq connection string (never with a password).")
    package var dbname: String?

    @Option(name: [.short, .long], help: "The server's host name or the folder of its socket.")
    package var host: String?

    @Option(name: [.short, .long], help: "The server's port.")
    package var port: Int?

    @Option(name: [.customShort("U"), .long], help: "The database role to connect as.")
    package var username: String?

    package init() {}

    /// Where to connect; the server sees `program` as the application's name.
    package func parameters(for program: String) throws -> ConnectionParameters {
        try ConnectionParameters(
            database: dbname, host: host, port: port.map(String.init), user: username, applicationName: program)
    }
}

extension FilePath: @retroactive ExpressibleByArgument {
    public init?(argument: String) {
        self.init(argument)
    }
}
