import Glibc
import Platform
package import SystemPackage

/// The programs of one PostgreSQL version: `pg_dump`, `initdb`, `postgres` and the rest, in one folder.
package struct PostgresInstallation: Sendable, Equatable {
    package let folder: FilePath
    package let majorVersion: Int
    /// As `pg_dump --version` says it: `15.18`, `18beta1`.
    package let version: String

    /// Reads the version of the programs in `folder`.
    package init(in folder: FilePath) async throws {
        let program = folder.appending("pg_dump")
        guard Files.exists(program) else {
            throw PlainFailure(
                .unavailable, "there is no pg_dump in \(folder)",
                hint: "name the folder that holds PostgreSQL's programs")
        }
        let said = String(decoding: try await Child(program, ["--version"]).run(), as: UTF8.self)
        guard let version = Self.version(in: said) else {
            throw PlainFailure(.unavailable, "cannot read the version of \(program)")
        }
        self.folder = folder
        (self.version, majorVersion) = version
    }

    package func program(_ name: String) -> FilePath { folder.appending(name) }

    /// All installations, newest first: those of `given`, or of the folder that `DBSEC_POSTGRES` names, and only else
    /// Debian's and the one in `PATH`.
    package static func all(
        given: FilePath? = nil, environment: [String: String] = [:]
    ) async throws -> [PostgresInstallation] {
        if let only = given ?? environment["DBSEC_POSTGRES"].map({ FilePath($0) }) {
            return [try await PostgresInstallation(in: only)]
        }
        var found: [PostgresInstallation] = []
        for folder in debianFolders() + pathFolders(environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin") {
            guard Files.exists(folder.appending("pg_dump")) else { continue }
            let installation = try await PostgresInstallation(in: folder)
            // Debian's /usr/bin/pg_dump is a wrapper for one that was found already.
            if !found.contains(where: { $0.majorVersion == installation.majorVersion }) { found.append(installation) }
        }
        return found.sorted { $0.majorVersion > $1.majorVersion }
    }

    package static func newest(
        given: FilePath? = nil, environment: [String: String] = [:]
    ) async throws -> PostgresInstallation {
        guard let newest = try await all(given: given, environment: environment).first else {
            throw PlainFailure(.unavailable, "no PostgreSQL programs were found", hint: installHint(nil))
        }
        return newest
    }

    /// The programs for a server of this major version: its own, or the next newer ones, which can dump it too.
    package static func atLeast(
        _ major: Int, given: FilePath? = nil, environment: [String: String] = [:]
    ) async throws -> PostgresInstallation {
        let all = try await all(given: given, environment: environment)
        if let nearest = all.last(where: { $0.majorVersion >= major }) { return nearest }
        let had = all.first.map { "the newest is \($0.version), in \($0.folder)" } ?? "none were found"
        throw PlainFailure(
            .unavailable, "PostgreSQL \(major)'s programs are needed, and \(had)", hint: installHint(major))
    }

    private static func installHint(_ major: Int?) -> String {
        let package = major.map { "postgresql-\($0)" } ?? "postgresql"
        return "install \(package), or let DBSEC_POSTGRES name the folder that holds the programs"
    }

    private static func debianFolders() -> [FilePath] {
        let root: FilePath = "/usr/lib/postgresql"
        let versions = (try? Files.list(root)) ?? []
        return versions.map { root.appending($0).appending("bin") }
    }

    private static func pathFolders(_ path: String) -> [FilePath] {
        path.split(separator: ":").map { FilePath(String($0)) }
    }

    /// Reads `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
    static func version(in text: String) -> (version: String, major: Int)? {
        guard let word = text.split(whereSeparator: \.isWhitespace).first(where: { $0.first?.isNumber ?? false }),
            let major = Int(word.prefix { $0.isNumber })
        else { return nil }
        return (String(word), major)
    }
}
