import Platform
import PostgresClient
import SystemPackage

/// The server's configuration, read through SQL: what a new host needs beside the data to be the old one.
struct ConfigurationFiles: Sendable {
    struct File: Sendable {
        /// The name in the backup, without what sealing adds.
        let name: String
        /// On the server's host; of the settings the view that they were read from.
        let path: String
        let bytes: [UInt8]

        var entry: IndexDocument.ConfigurationFile { .init(file: FileName.configuration(name), path: path) }
    }

    let files: [File]
    /// Why there are none, with what to do.
    let problem: String?

    var gaps: [Manifest.Gap] {
        problem == nil
            ? []
            : [.init(database: nil, what: "set of configuration files", count: 1, reason: "this role may not read it")]
    }

    /// Reads them; where this role may not, the result says so.
    static func read(_ connection: Connection) async throws -> ConfigurationFiles {
        do {
            var files: [File] = []
            for row in try await connection.query(SQL(embedded: PackageResources.configuration_files_sql)) {
                // A file that was included once may be gone.
                guard let content = try row["content"] as String?, let bytes = Hex.decode(content) else { continue }
                files.append(File(name: try row["name"], path: try row["path"], bytes: bytes))
            }
            let settings: String = try await connection.query(
                """
                SELECT pg_catalog.jsonb_pretty(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(s) ORDER BY s.name))
                FROM (SELECT name, setting, unit, source, sourcefile, sourceline, pending_restart
                      FROM pg_catalog.pg_settings WHERE source <> 'default') AS s
                """
            ).one()[0]
            files.append(File(name: "pg_settings.json", path: "pg_catalog.pg_settings", bytes: Array(settings.utf8)))
            return ConfigurationFiles(files: files, problem: nil)
        } catch let error as PostgresError {
            guard error.status == .permission else { throw error }
            return ConfigurationFiles(
                files: [],
                problem: "the configuration files are not in the backup: \(error.message) "
                    + "(\(remedy))")
        }
    }
}

extension ConfigurationFiles {
    static let remedy = """
        GRANT pg_read_all_settings, pg_read_server_files TO the role, \
        GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean) TO it
        """
}

extension Dumping {
    /// Writes one of them, encrypted like the rest: they hold addresses, and some a password.
    func seal(_ file: ConfigurationFiles.File) throws -> Manifest.File {
        try seal(file.bytes, as: FileName.configuration(file.name), .configuration)
    }
}
