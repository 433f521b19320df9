import Platform
package import SystemPackage

/// The health of a repository in the text format that Prometheus' node exporter collects from files
/// (Prometheus documentation, "Exposition formats").
package struct Metrics: Sendable {
    package let text: String

    /// - Parameter freeBytes: what is left on the repository's disk; nil where that is not known.
    package init(_ health: Health, problems: Int, freeBytes: Int?) {
        var lines: [String] = []
        func metric(_ name: String, _ help: String, _ value: (DatabaseHealth) -> String?) {
            let samples = health.databases.compactMap { health in
                value(health).map { "dbsec_backup_\(name){\(Self.labels(health))} \($0)" }
            }
            guard !samples.isEmpty else { return }
            lines += ["# HELP dbsec_backup_\(name) \(help)", "# TYPE dbsec_backup_\(name) gauge"] + samples
        }
        metric("newest_timestamp_seconds", "The instant that the newest backup shows.") {
            String($0.newest.microseconds / 1_000_000)
        }
        metric("newest_proven_timestamp_seconds", "The instant that the newest backup shows which a restore proved.") {
            $0.newestProven.map { String($0.microseconds / 1_000_000) }
        }
        metric("restore_seconds", "How long the newest proof took to restore.") { $0.restoreSeconds.map { String($0) } }
        metric("size_bytes", "The newest backup's dump as it is stored.") { String($0.bytes) }
        metric("run_seconds", "How long the run of the newest backup took.") { String($0.runSeconds) }
        metric("count", "Complete backups there are.") { String($0.backups) }
        lines += ["# HELP dbsec_backup_failed_databases Databases that could not be dumped at the last attempt."]
        lines += ["# TYPE dbsec_backup_failed_databases gauge", "dbsec_backup_failed_databases \(health.failed.count)"]
        lines += ["# HELP dbsec_backup_problems Demands of dbbackup check that are not met."]
        lines += ["# TYPE dbsec_backup_problems gauge", "dbsec_backup_problems \(problems)"]
        if let freeBytes {
            lines += ["# HELP dbsec_backup_free_bytes What is left on the repository's disk."]
            lines += ["# TYPE dbsec_backup_free_bytes gauge", "dbsec_backup_free_bytes \(freeBytes)"]
        }
        if let runsLeft = health.runsLeft(in: freeBytes) {
            lines += ["# HELP dbsec_backup_runs_left How many more runs as large as the newest fit on the disk."]
            lines += ["# TYPE dbsec_backup_runs_left gauge", "dbsec_backup_runs_left \(runsLeft)"]
        }
        text = lines.joined(separator: "\n") + "\n"
    }

    /// Writes the file so that a collector never sees half of it; it is for everybody to read.
    package func write(to path: FilePath) throws {
        try Files.write(
            Array(text.utf8), to: path, mode: [.ownerReadWrite, .groupRead, .otherRead], durable: false)
    }

    private static func labels(_ health: DatabaseHealth) -> String {
        "cluster=\"\(escape(health.cluster))\",database=\"\(escape(health.database))\""
    }

    private static func escape(_ text: String) -> String {
        text.map { character in
            switch character {
            case "\\": "\\\\"
            case "\"": "\\\""
            case "\n": "\\n"
            default: String(character)
            }
        }.joined()
    }
}
