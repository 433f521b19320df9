import Platform
import PostgresClient

// What the server has to say to a run of tonight.
extension Doctor {
    func examinePrograms(_ major: Int) async throws -> [Finding] {
        let here = try await PostgresInstallation.atLeast(major, given: options.programs, environment: environment)
        guard options.programs == nil, environment["DBSEC_POSTGRES"] == nil else {
            return [Finding("pg_dump", .ok, "\(here.version) in \(here.folder)")]
        }
        // cron gives nothing but PATH=/usr/bin:/bin.
        let bare = try? await PostgresInstallation.atLeast(major, environment: ["PATH": "/usr/bin:/bin"])
        if bare == nil {
            return [
                Finding(
                    "pg_dump", .warn, "\(here.version) is found in \(here.folder) only because of this PATH",
                    "under cron say --pg-bin \(here.folder)")
            ]
        }
        return [Finding("pg_dump", .ok, "\(here.version) in \(here.folder)")]
    }

    func examineClock(_ connection: Connection) async throws -> [Finding] {
        let asked = now()
        let theirs: Int = try await connection.query(
            "SELECT (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::bigint"
        ).one()[0]
        let middle = (asked.microseconds + now().microseconds) / 2
        let seconds = Double(abs(Int64(theirs) - middle)) / 1_000_000
        guard seconds >= 5 else { return [Finding("clock", .ok, "this host and the server agree")] }
        return [
            Finding(
                "clock", seconds < 300 ? .warn : .fail, "this host and the server differ by \(Int(seconds)) s",
                "synchronise both: chrony, or systemd-timesyncd")
        ]
    }

    func examinePasswords(_ connection: Connection) async throws -> [Finding] {
        let may: Bool = try await connection.query(
            "SELECT pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT')"
        ).one()[0]
        return may
            ? [Finding("passwords", .ok, "the roles' password verifiers will be in the backup")]
            : [
                Finding(
                    "passwords", .warn, "this role may not read the roles' passwords: restored roles will have none",
                    "GRANT SELECT ON pg_catalog.pg_authid TO it, or accept that passwords are set anew")
            ]
    }

    func examineConfiguration(_ connection: Connection) async throws -> [Finding] {
        let read = try await ConfigurationFiles.read(connection)
        return read.problem == nil
            ? [Finding("configuration files", .ok, "\(read.files.count) files will be in the backup")]
            : [Finding("configuration files", .fail, "this role may not read them", ConfigurationFiles.remedy)]
    }

    /// Each database in turn, and then whether the server has room for all the locks.
    func examineDatabases(_ wanted: [ServerDatabase], _ connection: Connection) async -> [Finding] {
        var findings: [Finding] = []
        var tables: [Int] = []
        for database in wanted {
            findings += await attempt("database \(database.name)") {
                let (finding, count) = try await examine(database)
                tables.append(count)
                return [finding]
            }
        }
        return findings + (await attempt("locks") { try await examineLocks(tables, connection) })
    }

    private func examine(_ database: ServerDatabase) async throws -> (Finding, tables: Int) {
        let topic = "database \(database.name)"
        let connection = try await Connection.open(server.with(database: database.name))
        let tables = try await connection.query(SQL(embedded: PackageResources.lockable_tables_sql))
        let closed = try await Coordinator.unreadableLargeObjects(connection)
        await connection.close()
        let hidden = try tables.filter { try $0["hidden"] }
        let unreadable = try tables.filter { try !$0["readable"] }
        func name(_ row: Row) throws -> String { "\(try row["schema"] as String).\(try row["name"] as String)" }
        if let first = hidden.first {
            return (
                Finding(
                    topic, .fail,
                    "row security hides rows from this role, as of \(try name(first)) (tables: \(hidden.count))",
                    "ALTER ROLE ... BYPASSRLS, or connect as a superuser"), tables.count
            )
        }
        if let first = unreadable.first {
            return (
                Finding(
                    topic, .fail, "this role may not read \(try name(first)) (such tables: \(unreadable.count))",
                    "GRANT pg_read_all_data TO the role"), tables.count
            )
        }
        guard closed == 0 else {
            return (
                Finding(topic, .fail, "this role may not read \(closed) large objects", Coordinator.largeObjectsRemedy),
                tables.count
            )
        }
        return (Finding(topic, .ok, "tables: \(tables.count), all readable"), tables.count)
    }

    /// A run locks every table of a database once itself and once in each pg_dump.
    ///
    /// The server keeps one entry for each locked table, and for each holder another in a table twice as large
    /// (src/backend/storage/lmgr/lock.c, InitLocks).
    private func examineLocks(_ tables: [Int], _ connection: Connection) async throws -> [Finding] {
        let row = try await connection.query(
            """
            SELECT pg_catalog.current_setting('max_locks_per_transaction')::int AS each,
                   pg_catalog.current_setting('max_connections')::int
                     + pg_catalog.current_setting('max_prepared_transactions')::int AS sessions
            """
        ).one()
        let (each, sessions) = (try row["each"] as Int, try row["sessions"] as Int)
        let jobs = options.jobs ?? min(4, Processors.count)
        // Either the largest with as many programs, or as many databases beside each other.
        let largest = (tables.max() ?? 0) * (1 + jobs)
        let together = tables.sorted(by: >).prefix(jobs).reduce(0, +) * 2
        let needed = max(tables.max() ?? 0, (max(largest, together) + 1) / 2)
        let slots = each * sessions
        let text = "\(needed) lock slots needed, \(slots) there are (max_locks_per_transaction = \(each))"
        guard needed * 10 > slots * 7 else { return [Finding("locks", .ok, text)] }
        let enough = (needed * 2 + sessions - 1) / max(1, sessions)
        return [
            Finding(
                "locks", needed > slots ? .fail : .warn, text,
                "set max_locks_per_transaction = \(max(enough, each + 1)) and restart the server")
        ]
    }
}
