package import PostgresClient

extension ClusterFacts {
    /// Reads what a scratch cluster must know of this one.
    package static func read(_ connection: Connection) async throws -> ClusterFacts {
        let server = try await connection.query(
            """
            SELECT pg_catalog.current_setting('server_version') AS version,
                   pg_catalog.pg_is_in_recovery() AS standby,
                   (SELECT rolname::text FROM pg_catalog.pg_roles WHERE oid = 10) AS bootstrap
            """
        ).one()
        var settings: [String: String] = [:]
        for row in try await connection.query(SQL(embedded: PackageResources.cluster_settings_sql)) {
            let name: String = try row["name"]
            settings[name] = try row["setting"]
        }
        let roles = try await connection.query(SQL(embedded: PackageResources.cluster_roles_sql))
        let memberships = try await connection.query(SQL(embedded: PackageResources.cluster_memberships_sql))
        let tablespaces = try await connection.query(SQL(embedded: PackageResources.cluster_tablespaces_sql))
        let systemIdentifier = try await connection.systemIdentifier()
        return ClusterFacts(
            systemIdentifier: systemIdentifier, serverVersion: try server["version"],
            serverVersionNumber: connection.serverVersion, isStandby: try server["standby"],
            bootstrapSuperuser: try server["bootstrap"], roles: try roles.map(Role.init),
            memberships: try memberships.map(Membership.init), tablespaces: try tablespaces.map(Tablespace.init),
            settings: settings)
    }
}

extension ClusterFacts.Role {
    fileprivate init(_ row: Row) throws {
        name = try row["rolname"]
        superuser = try row["rolsuper"]
        inherit = try row["rolinherit"]
        createRole = try row["rolcreaterole"]
        createDatabase = try row["rolcreatedb"]
        login = try row["rolcanlogin"]
        replication = try row["rolreplication"]
        bypassRLS = try row["rolbypassrls"]
        connectionLimit = try row["rolconnlimit"]
    }
}

extension ClusterFacts.Membership {
    fileprivate init(_ row: Row) throws {
        role = try row["role"]
        member = try row["member"]
        admin = try row["admin"]
    }
}

extension ClusterFacts.Tablespace {
    fileprivate init(_ row: Row) throws {
        name = try row["name"]
        owner = try row["owner"]
    }
}

extension DatabaseFacts {
    /// Reads what the connected database is, under the connection's snapshot.
    package static func read(_ connection: Connection) async throws -> DatabaseFacts {
        let row = try await connection.query(SQL(embedded: PackageResources.database_facts_sql)).one()
        var facts = try DatabaseFacts(row)
        for row in try await connection.query(SQL(embedded: PackageResources.database_settings_sql)) {
            facts.settings.append(Setting(role: try row["role"], assignments: try row["assignments"]))
        }
        for row in try await connection.query(SQL(embedded: PackageResources.database_extensions_sql)) {
            facts.extensions.append(
                Extension(name: try row["name"], version: try row["version"], schema: try row["schema"]))
        }
        for row in try await connection.query(SQL(embedded: PackageResources.database_collations_sql)) {
            facts.collations.append(
                Collation(
                    schema: try row["schema"], name: try row["name"], provider: try row["provider"],
                    version: try row["version"]))
        }
        for row in try await connection.query(SQL(embedded: PackageResources.database_not_covered_sql)) {
            guard let kind = Missing.Kind(rawValue: try row["kind"]) else { continue }
            facts.notCovered.append(Missing(kind: kind, name: try row["name"]))
        }
        if try await !connection.query(SQL(embedded: PackageResources.field_keys_table_sql)).isEmpty {
            facts.fieldKeys = try await connection.query(SQL(embedded: PackageResources.field_keys_sql)).map { row in
                FieldKeyUse(context: try row["context"], keys: try row["keys"])
            }
        }
        return facts
    }

    private init(_ row: Row) throws {
        name = try row["name"]
        oid = try row["oid"]
        owner = try row["owner"]
        encoding = try row["encoding"]
        collate = try row["collate"]
        ctype = try row["ctype"]
        localeProvider = try row["provider"]
        locale = try row["locale"]
        icuRules = try row["icurules"]
        collationVersion = try row["collversion"]
        monetaryLocale = try row["monetary"]
        tablespace = try row["tablespace"]
        connectionLimit = try row["connlimit"]
        privileges = try row["privileges"]
        comment = try row["comment"]
        settings = []
        extensions = []
        collations = []
        notCovered = []
    }

    /// The public form of what is missing: how much of what, and why, without names.
    package var gaps: [Manifest.Gap] {
        Missing.Kind.allCases.compactMap { kind in
            let count = notCovered.count { $0.kind == kind }
            guard count > 0 else { return nil }
            return Manifest.Gap(database: name, what: kind.rawValue, count: count, reason: kind.reason)
        }
    }
}

extension SQL {
    /// A query of this module's SQL folder.
    init(embedded resource: [UInt8]) {
        self.init(raw: String(decoding: resource, as: UTF8.self))
    }
}
