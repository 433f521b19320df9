import Platform
import PostgresClient

/// Reads what the lint judges: one query for each kind of thing, all from one snapshot of the catalog.
struct LintReader {
    private let connection: Connection
    private var catalog = LintCatalog()
    /// Lists of privileges repeat ten thousand times; each is cut apart once.
    private var lists: [String: Set<String>] = [:]

    init(_ connection: Connection) {
        self.connection = connection
    }

    /// Use it inside a transaction.
    mutating func read(for policy: Policy?) async throws -> LintCatalog {
        try await readServer()
        try await readRoles()
        try await readRelations()
        try await readPrivileges()
        try await readPolicies()
        try await readFunctions()
        try await readLinks()
        try await readOthers()
        if let policy { try await readColumns(of: policy.rowSecurity.map(\.table)) }
        return catalog
    }

    private mutating func list(_ text: String?) -> Set<String> {
        guard let text else { return [] }
        if let known = lists[text] { return known }
        let set = Set(text.split(separator: ",").map(String.init))
        lists[text] = set
        return set
    }

    private mutating func readServer() async throws {
        let row = try await connection.query(PackageResources.server_sql).one()
        catalog.version = connection.serverVersion
        catalog.database = try row["database"]
        catalog.databaseOwner = try row["owner"]
        catalog.user = try row["role_oid"]
        catalog.isSuperuser = try row["is_superuser"]
        catalog.readsVerifiers = try row["reads_verifiers"]
        catalog.passwordEncryption = try row["password_encryption"]
        catalog.opensLargeObjects = try row["opens_large_objects"]
        for row in try await connection.query(PackageResources.lint_schemas_sql) {
            let oid: UInt32 = try row["oid"]
            catalog.schemas[oid] = LintSchema(
                oid: oid, name: try row["name"], owner: try row["owner"], isSystem: try row["is_system"])
        }
    }

    private mutating func readRoles() async throws {
        for row in try await connection.query(PackageResources.roles_sql) {
            var role = LintRole(oid: try row["oid"], name: try row["name"], try RoleState(row))
            role.mayAct = try row["may_act"]
            role.isUnused = try row["is_unused"]
            catalog.roles[role.oid] = role
        }
        if catalog.readsVerifiers {
            for row in try await connection.query(PackageResources.lint_passwords_sql) {
                let kind: String = try row["kind"]
                catalog.roles[try row["oid"]]?.password = LintRole.Password(rawValue: kind)
            }
        }
        for row in try await connection.query(PackageResources.memberships_sql) {
            catalog.memberships.append(
                LintMembership(
                    role: try row["role_oid"], member: try row["member_oid"], grantor: try row["grantor_oid"],
                    admin: try row["admin"], inherit: try row["inherit"], set: try row["set"]))
        }
    }

    private mutating func readRelations() async throws {
        for row in try await connection.query(PackageResources.lint_relations_sql) {
            let space: UInt32 = try row["space"]
            let kind: String = try row["kind"]
            guard let schema = catalog.schemas[space], let kind = LintRelation.Kind(rawValue: kind) else { continue }
            let relation = LintRelation(
                oid: try row["oid"], space: space, name: ObjectName(schema.name, try row["name"]), kind: kind,
                owner: try row["owner"], isSecured: try row["is_secured"], isForced: try row["is_forced"],
                isPartition: try row["is_partition"], rows: try row["rows"], isInvoker: try row["is_invoker"],
                isBarrier: try row["is_barrier"])
            catalog.relations[relation.oid] = relation
        }
        for row in try await connection.query(PackageResources.lint_inheritance_sql) {
            catalog.parents[try row["child"], default: []].append(try row["parent"])
        }
        for row in try await connection.query(PackageResources.lint_columns_sql) {
            let column = LintColumn(
                name: try row["name"], type: try row["type"], isNotNull: try row["is_not_null"],
                leadsIndex: try row["leads_index"])
            catalog.columns[try row["relation"], default: [:]][column.name] = column
        }
    }

    private mutating func readPrivileges() async throws {
        var lists: [String: [LintHolding]] = [:]
        for row in try await connection.query(PackageResources.lint_lists_sql) {
            lists[try row["list"], default: []].append(
                LintHolding(
                    grantor: try row["grantor"], grantee: try row["grantee"], privileges: list(try row["privileges"]),
                    grantable: list(try row["grantable"])))
        }
        for row in try await connection.query(PackageResources.lint_privileges_sql) {
            let (kind, oid, owner): (String, UInt32, UInt32) = (try row["kind"], try row["oid"], try row["owner"])
            let all = lists[try row["list"]] ?? []
            // An owner's own rights are no finding.
            let holdings = all.contains { $0.grantee == owner } ? all.filter { $0.grantee != owner } : all
            guard !holdings.isEmpty else { continue }
            switch kind {
            case "database": catalog.holdings[.database] = holdings
            case "schema": catalog.holdings[.schema(oid)] = holdings
            case "function": catalog.holdings[.function(oid)] = holdings
            case "large object": catalog.holdings[.largeObject(oid)] = holdings
            case "tablespace": catalog.holdings[.tablespace(oid)] = holdings
            case "column":
                let column: String = try row["part"]
                catalog.columnHoldings[oid, default: []] += holdings.map {
                    LintColumnHolding(column: column, holding: $0)
                }
            default: catalog.holdings[.relation(oid)] = holdings
            }
        }
        for row in try await connection.query(PackageResources.lint_defaults_sql) {
            catalog.defaults.append(
                LintDefault(
                    creator: try row["creator"], space: try row["space"], kind: try row["kind"],
                    grantee: try row["grantee"], privileges: list(try row["privileges"]), isUsed: try row["is_used"],
                    mayCreate: try row["may_create"], isClosed: try row["is_closed"]))
        }
        // Parameters have privileges since PostgreSQL 15.
        guard catalog.version >= 150_000 else { return }
        for row in try await connection.query(PackageResources.lint_parameters_sql) {
            catalog.parameters.append(
                LintParameter(
                    name: try row["name"], grantee: try row["grantee"], privileges: list(try row["privileges"])))
        }
    }

    private mutating func readPolicies() async throws {
        var links: [UInt32: (columns: [String]?, functions: [UInt32]?, relations: [UInt32]?)] = [:]
        for row in try await connection.query(PackageResources.lint_dependencies_sql) {
            links[try row["policy"]] = (try row["columns"], try row["functions"], try row["relations"])
        }
        for row in try await connection.query(PackageResources.policies_sql) {
            let oid: UInt32 = try row["relation"]
            guard let relation = catalog.relations[oid] else { continue }
            let command: String = try row["command"]
            let isRestrictive: Bool = try row["is_restrictive"]
            let link = links[try row["oid"]]
            catalog.policies.append(
                LintPolicy(
                    relation: oid, table: relation.name, name: try row["name"], isPermissive: !isRestrictive,
                    command: PolicyCommand(rawValue: command) ?? .all, roles: try row["grantees"],
                    using: try row["using"], check: try row["check"], columns: Set(link?.columns ?? []),
                    functions: Set(link?.functions ?? []), relations: Set(link?.relations ?? []), place: nil))
        }
    }

    private mutating func readFunctions() async throws {
        for row in try await connection.query(PackageResources.lint_functions_sql) {
            let space: UInt32 = try row["space"]
            guard let schema = catalog.schemas[space] else { continue }
            let function = LintFunction(
                oid: try row["oid"], space: space, name: ObjectName(schema.name, try row["name"]),
                arguments: try row["arguments"], kind: try row["kind"], owner: try row["owner"],
                isDefiner: try row["is_definer"], volatility: try row["volatility"],
                isLeakproof: try row["is_leakproof"], settings: try row["settings"], isTrigger: try row["is_trigger"],
                isUntrusted: try row["is_untrusted"], body: try row["body"])
            catalog.functions[function.oid] = function
        }
        for row in try await connection.query(PackageResources.lint_triggers_sql) {
            catalog.triggers.append(
                LintTrigger(
                    relation: try row["relation"], name: try row["name"], function: try row["function"],
                    type: try row["type"]))
        }
    }

    private mutating func readLinks() async throws {
        for row in try await connection.query(PackageResources.lint_keys_sql) {
            let (kind, relation): (String, UInt32) = (try row["kind"], try row["relation"])
            if kind == "unique" {
                catalog.uniqueKeys[relation, default: []].append(
                    LintUniqueKey(name: try row["name"], columns: try row["columns"]))
            } else {
                catalog.foreignKeys.append(
                    LintForeignKey(
                        name: try row["name"], relation: relation, target: try row["target"],
                        onDelete: try row["on_delete"], onUpdate: try row["on_update"]))
            }
        }
        for row in try await connection.query(PackageResources.lint_views_sql) {
            let relation: UInt32 = try row["relation"]
            if try row["is_view"] {
                catalog.viewTargets[relation, default: []].append(try row["target"])
            } else {
                catalog.rules.append(
                    LintRewrite(relation: relation, name: try row["rule"], event: try row["event"]))
            }
        }
        for row in try await connection.query(PackageResources.lint_definitions_sql) {
            // NULL for a view that was dropped meanwhile.
            let definition: String? = try row["definition"]
            catalog.viewDefinitions[try row["relation"]] = definition
        }
        for row in try await connection.query(PackageResources.lint_publications_sql) {
            catalog.publications.append(
                LintPublication(name: try row["name"], relation: try row["relation"]))
        }
    }

    private mutating func readOthers() async throws {
        for row in try await connection.query(PackageResources.lint_sequences_sql) {
            let space: UInt32 = try row["space"]
            guard let schema = catalog.schemas[space] else { continue }
            catalog.sequences.append(
                LintSequence(
                    oid: try row["oid"], space: space, name: ObjectName(schema.name, try row["name"]),
                    owner: try row["owner"], relation: try row["relation"]))
        }
        for row in try await connection.query(PackageResources.lint_serials_sql) {
            catalog.serials.append(
                LintSerial(
                    relation: try row["relation"], column: try row["name"], sequence: try row["sequence"],
                    sequenceName: ObjectName(try row["sequence_schema"], try row["sequence_name"]),
                    owner: try row["owner"]))
        }
        for row in try await connection.query(PackageResources.lint_others_sql) {
            let kind: String = try row["kind"]
            guard let kind = LintOther.Kind(rawValue: kind) else { continue }
            catalog.others.append(
                LintOther(kind: kind, oid: try row["oid"], name: try row["name"], owner: try row["owner"]))
        }
        for row in try await connection.query(PackageResources.lint_settings_sql) {
            catalog.settings.append(
                LintSetting(
                    role: try row["role"], isInDatabase: try row["is_here"], name: try row["name"],
                    value: try row["value"]))
        }
    }

    /// Columns of the tables that the document secures and the database does not yet.
    private mutating func readColumns(of tables: [ObjectName]) async throws {
        let rows = try await connection.query(
            """
            SELECT a.attrelid AS relation, a.attname AS name, pg_catalog.format_type(a.atttypid, NULL) AS type,
                   a.attnotnull AS is_not_null, true AS leads_index
            FROM pg_catalog.pg_attribute a
            JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE (n.nspname, c.relname) IN
                (SELECT * FROM unnest(\(tables.map(\.schema)), \(tables.map(\.name))))
              AND a.attnum > 0 AND NOT a.attisdropped
            """)
        for row in rows {
            let column = LintColumn(
                name: try row["name"], type: try row["type"], isNotNull: try row["is_not_null"],
                leadsIndex: try row["leads_index"])
            let relation: UInt32 = try row["relation"]
            if catalog.columns[relation]?[column.name] == nil {
                catalog.columns[relation, default: [:]][column.name] = column
            }
        }
    }
}
