import AuditLog
import Backups
import Console
import Cryptography
import Platform
import PostgresClient
import SystemPackage

/// The logs of a host: one for each account that ever did something privileged.
enum HostLogs {
    static func find(_ context: Context) -> [FilePath] {
        var folders = [context.state.audit, "/var/lib/dbsec/audit"]
        let accounts = (try? Files.read("/etc/passwd")) ?? []
        for line in String(decoding: accounts, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count > 5, fields[5].hasPrefix("/") else { continue }
            folders.append(FilePath(String(fields[5])).appending(".local/state/dbsec/audit"))
        }
        folders += ((try? context.settings.logs) ?? []).map { FilePath($0) }
        var seen: Set<FilePath> = []
        return folders.filter { Files.exists($0.appending("checkpoint")) && seen.insert($0).inserted }
    }
}

/// The backups of the repository, each of which must have a record, and carries a checkpoint.
struct RecordedBackups {
    private struct Backup {
        let name: String
        let label: String
        let hash: String
        let checkpoint: SignedCheckpoint?
        let isRekeyed: Bool
    }

    private let backups: [Backup]
    private let place: String
    private let isElsewhere: Bool

    /// Looks at the repository that was named, or that of the configuration; where there is none there is nothing to say.
    init(_ context: Context, _ named: String?) async throws {
        struct Where: Decodable { let repository: String? }
        let configured = try? context.configuration.section("backup", as: Where.self)?.repository
        let name = named ?? configured ?? context.state.backups.string
        let isThere = ((try? Remote.isName(name)) ?? false) || Files.exists(FilePath(name))
        guard named != nil || isThere else {
            (backups, place, isElsewhere) = ([], name, false)
            return
        }
        let repository = try await Repository.open(name, mirrors: context.state.path.appending("mirrors"))
        place = repository.name
        isElsewhere = repository.remote != nil
        backups = try repository.backups().compactMap { stored in
            guard let manifest = try? stored.manifest() else { return nil }
            return Backup(
                name: stored.name, label: stored.label, hash: stored.manifestHash.hex,
                checkpoint: manifest.auditCheckpoint.flatMap { try? SignedCheckpoint(parsing: Array($0.utf8)) },
                isRekeyed: manifest.rekeyed != nil)
        }
    }

    /// The checkpoints that backups of this log's host carry: kept elsewhere where the repository is.
    func checkpoints(of origin: String?) -> [KeptCheckpoint] {
        backups.compactMap { backup in
            guard let checkpoint = backup.checkpoint, checkpoint.checkpoint.origin == origin else { return nil }
            return KeptCheckpoint(
                checkpoint, from: "the checkpoint in backup \(backup.name)", isElsewhere: isElsewhere)
        }
    }

    /// The newest checkpoint of this log that a backup carries, with the backup's name and time.
    func newest(of origin: String) -> (name: String, checkpoint: SignedCheckpoint, time: Timestamp)? {
        backups.compactMap { backup in
            guard let checkpoint = backup.checkpoint, checkpoint.checkpoint.origin == origin,
                let time = Timestamp(backup.label)
            else { return nil }
            return ("\(backup.name) in \(place)", checkpoint, time)
        }.max { $0.2 < $1.2 }
    }

    /// Tells of backups that this log's host made, and that no record knows.
    func compare(with verdict: inout LogVerdict) {
        guard let first = verdict.first else { return }
        for backup in backups where backup.checkpoint?.checkpoint.origin == verdict.origin {
            // What came before the first record that was read, nobody looked for.
            guard let time = Timestamp(backup.label), time > first else { continue }
            guard let hashes = verdict.recorded.backups[backup.name] else {
                verdict.missing("backup \(backup.name) is in \(place), and no record says who made it")
                continue
            }
            if !hashes.isEmpty, !hashes.contains(backup.hash), !backup.isRekeyed {
                verdict.missing("the manifest of backup \(backup.name) is not the one on record")
            }
        }
    }
}

/// The roles of a cluster as one hash, which tells whether somebody changed one.
struct RoleDigest {
    let system: String
    let digest: String
    let count: Int

    static func read(_ connection: Connection) async throws -> RoleDigest {
        // No passwords: only superusers may see them, and a hash over them would tell when one is changed back.
        let rows = try await connection.query(
            """
            SELECT (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) AS system,
                   count(*)::int AS count,
                   coalesce(string_agg(line, E'\\n' ORDER BY line COLLATE "C"), '') AS roles
            FROM (
                SELECT pg_catalog.concat_ws(' ', 'role', pg_catalog.quote_ident(rolname), rolsuper, rolinherit, rolcreaterole,
                    rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, rolvaliduntil) AS line
                FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_'
                UNION ALL
                SELECT pg_catalog.concat_ws(' ', 'member', pg_catalog.quote_ident(r.rolname),
                    pg_catalog.quote_ident(m.rolname), bool_or(a.admin_option),
                    -- Since PostgreSQL 16; before that there is nothing to join, and the line is shorter.
                    bool_or((pg_catalog.to_jsonb(a) ->> 'inherit_option')::bool),
                    bool_or((pg_catalog.to_jsonb(a) ->> 'set_option')::bool))
                FROM pg_catalog.pg_auth_members a
                JOIN pg_catalog.pg_roles r ON r.oid = a.roleid JOIN pg_catalog.pg_roles m ON m.oid = a.member
                WHERE m.rolname !~ '^pg_' GROUP BY r.rolname, m.rolname
                UNION ALL
                SELECT pg_catalog.concat_ws(' ', 'setting', coalesce(pg_catalog.quote_ident(r.rolname), '*'),
                    coalesce(pg_catalog.quote_ident(d.datname), '*'), pg_catalog.quote_literal(line))
                FROM pg_catalog.pg_db_role_setting s CROSS JOIN pg_catalog.unnest(s.setconfig) AS line
                LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
            ) AS lines
            """)
        let row = try rows.one()
        return RoleDigest(
            system: try row["system"], digest: SHA256.hash(Array((try row["roles"] as String).utf8)).hex,
            count: try row["count"])
    }

    /// Tells when the roles are not those of the last heartbeat, and no policy was applied since.
    func compare(with verdict: inout LogVerdict) {
        guard let last = verdict.recorded.roles[system] else {
            verdict.notes.append(
                "no heartbeat in what was read knows the roles of this server: dbaudit heartbeat -d ...")
            return
        }
        if last.digest != digest, !last.changedSince {
            verdict.missing(
                "roles of this server changed after the heartbeat of \(last.time.brief), and no record says by whom",
                record: last.record)
        }
    }
}
