import Platform
package import SystemPackage

/// The one folder that holds what an account's programs keep: audit log, keys, and by default the backups.
package struct StateFolder: Sendable, Equatable {
    package let path: FilePath
    /// Where the path came from, for `config` and for error messages: `--state`, `DBSEC_STATE`, a file, or the default.
    package let source: String

    package init(_ path: FilePath, source: String = "--state") {
        self.path = path
        self.source = source
    }

    package var audit: FilePath { path.appending("audit") }
    package var keys: FilePath { path.appending("keys") }
    package var backups: FilePath { path.appending("backups") }

    /// The folder of an account for which nothing was said.
    static func byDefault(_ environment: [String: String], account: Account = .current) -> StateFolder {
        if account.uid == 0 { return StateFolder("/var/lib/dbsec", source: "default for root") }
        let base = environment["XDG_STATE_HOME"].map { FilePath($0) } ?? account.home.appending(".local/state")
        return StateFolder(base.appending("dbsec"), source: "default for \(account.name)")
    }
}
