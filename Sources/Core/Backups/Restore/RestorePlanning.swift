import Platform
import PostgresClient

extension Restoration {
    /// All that is known before anything is changed.
    package struct Prepared: Sendable {
        package let plan: RestorePlan
        let databases: [PreparedDatabase]
        let roleStatements: [String]
        let installation: PostgresInstallation
    }

    struct PreparedDatabase: Sendable {
        let plan: DatabasePlan
        let recorded: DatabaseIndex
        let dump: Dump
        /// All entries, also where only some are restored: those about the database itself are among them.
        let toc: ArchiveTOC
        /// What has to be there afterwards.
        let expected: ContentIndex
    }

    /// Verifies the backup's files, reads what they hold and what the target has, and decides; changes nothing.
    package func prepare() async throws -> Prepared {
        let index = try await reading.index(of: backup)
        let chosen = try choose(index)
        try checkNames(chosen, index.cluster)
        let globals = options.makesRoles ? try await globals() : nil
        let names = chosen.map { options.target ?? $0.facts.name }
        let admin = try await administration(besides: names)
        let target = try await RestoreTarget.read(
            admin, databases: names, server: server, withObjects: !options.selection.isEverything)
        await admin.close()
        for name in names { try check(target.existing[name], name) }
        var databases: [PreparedDatabase] = []
        for recorded in chosen { databases.append(try await prepare(recorded, on: target)) }
        let roles = try roles(of: databases, index.cluster, on: target, globals)
        let tablespaces = databases.reduce(into: Set<String>()) { all, database in
            all.formUnion(database.toc.neededTablespaces)
            all.insert(database.recorded.facts.tablespace)
        }
        let dumped = databases.compactMap { $0.toc.dumpMajorVersion }.max() ?? 0
        let installation = try await PostgresInstallation.atLeast(
            max(target.majorVersion, dumped), environment: environment)
        let plan = RestorePlan(
            backup: backup.stored.name, signer: backup.manifest.producerKey, snapshot: backup.manifest.snapshot,
            server: "PostgreSQL \(target.version)", user: target.user,
            program: "\(installation.program("pg_restore")) \(installation.version)", jobs: options.jobs,
            leftovers: target.leftovers, rolesToMake: roles, roleMap: options.roleMap.names,
            missingTablespaces: tablespaces.subtracting(target.tablespaces).sorted(), databases: databases.map(\.plan),
            warnings: warnings(databases, target))
        return Prepared(
            plan: plan, databases: databases,
            roleStatements: globals?.making(Set(roles), beside: target.roles) ?? [], installation: installation)
    }

    private func prepare(_ recorded: DatabaseIndex, on target: RestoreTarget) async throws -> PreparedDatabase {
        var dump = try await reading.dump(of: recorded.facts.name, in: backup)
        guard dump.holds(recorded.definitions) else {
            throw PlainFailure(
                .malformed, "the dump of \"\(recorded.facts.name)\" does not describe what was recorded of it",
                hint: "restore another backup; dbbackup verify tells what differs")
        }
        try dump.apply(options.roleMap)
        let toc = dump.toc
        let name = options.target ?? recorded.facts.name
        let way = try way(name, recorded.facts, on: target)
        var selected = options.selection.isEverything ? nil : try dump.selecting(options.selection)
        var used: [String] = []
        if way == .add, let whole = selected, let present = target.existing[name]?.objects {
            (selected, used) = try whole.adding(to: name, with: present)
        }
        let expected = selected.map { recorded.content.part($0.tables) } ?? recorded.content
        let statements = try DatabaseStatements(toc, name: recorded.facts.name, withTablespace: false)
        let part = selected?.dump ?? dump
        let plan = DatabasePlan(
            database: recorded.facts.name, target: name, way: way,
            owner: options.leavesOwners ? nil : statements.owner,
            locale: "\(recorded.facts.encoding), \(recorded.facts.locale ?? recorded.facts.collate)",
            settings: statements.properties.count,
            privileges: options.leavesPrivileges ? 0 : recorded.facts.privileges?.count ?? 0,
            extensions: recorded.facts.extensions.filter { wanted in
                part.items.contains { $0.entry.kind == "EXTENSION" && $0.entry.tag == wanted.name }
            }.map(\.name),
            tables: expected.tables.count, rows: expected.rows, bytes: dump.contentSize,
            storedBytes: dump.streams.reduce(0) { $0 + $1.file.file.size }, streams: dump.streams.count,
            indexesAndConstraints: part.items.count { $0.stage == .postData && !$0.entry.kind.contains("ACL") },
            selection: options.selection.relations + options.selection.schemas.map { "the schema \($0)" },
            used: used, withoutRows: selected?.withoutRows ?? [], leftOut: selected?.leftOut ?? [],
            notCovered: recorded.facts.gaps, compares: options.compares)
        return PreparedDatabase(plan: plan, recorded: recorded, dump: part, toc: toc, expected: expected)
    }

    private func choose(_ index: IndexDocument) throws -> [DatabaseIndex] {
        let names = index.databases.map(\.facts.name)
        if options.all { return index.databases }
        guard !options.databases.isEmpty else {
            guard let only = index.databases.first, names.count == 1 else {
                throw PlainFailure(
                    .usage, "\(backup.stored.name) has several databases: \(names.joined(separator: ", "))",
                    hint: "choose with --database, or say --all")
            }
            return [only]
        }
        return try options.databases.map { wanted in
            guard let found = index.database(wanted) else {
                throw PlainFailure(
                    .inputMissing, "\(backup.stored.name) has no database \"\(wanted)\"",
                    hint: "it has \(names.joined(separator: ", "))")
            }
            return found
        }
    }

    private func checkNames(_ chosen: [DatabaseIndex], _ cluster: ClusterFacts) throws {
        guard options.target == nil || chosen.count == 1 else {
            throw PlainFailure(
                .usage, "several databases cannot all be called \"\(options.target ?? "")\"",
                hint: "restore one at a time with --database and --target-dbname")
        }
        let targets = Set(chosen.map { options.target ?? $0.facts.name })
        if let other = options.replaced.subtracting(targets).min() {
            throw PlainFailure(
                .usage,
                "--replace \(other) names no database that is restored: that is \(targets.sorted().joined(separator: ", "))",
                hint: "write the name of the database that is to be replaced, in full")
        }
        let roles = cluster.roles.map(\.name)
        for role in options.roleMap.names.keys.sorted() where !roles.contains(role) {
            throw PlainFailure(
                .inputMissing, "--role-map names the role \"\(role)\", which the backup does not know",
                hint: Suggestion.nearest(to: role, among: roles).map { "did you mean \"\($0)\"?" })
        }
    }

    /// A database that has content is never written to, unless a part is to be added to it.
    private func check(_ existing: RestoreTarget.Existing?, _ name: String) throws {
        guard let existing else {
            guard !options.replaced.contains(name) else {
                throw PlainFailure(
                    .inputMissing, "there is no database \"\(name)\" to replace", hint: "restore it without --replace")
            }
            return
        }
        let isWritable = existing.content == nil || existing.objects != nil
        guard options.replaced.contains(name) || isWritable else {
            throw PlainFailure(
                .cannotCreate,
                "the database \"\(name)\" is there already and not empty: it has the \(existing.content ?? "")",
                hint: "name another with --target-dbname, or have it renamed with --replace \(name)")
        }
    }

    private func way(
        _ name: String, _ recorded: DatabaseFacts, on target: RestoreTarget
    ) throws -> DatabasePlan.Way {
        guard let existing = target.existing[name] else { return .new }
        if options.replaced.contains(name) {
            return .replace(keptAs: DatabaseSwap.name(name, "before", at: now()), sessions: existing.sessions)
        }
        if existing.content != nil { return .add }
        guard
            (existing.encoding, existing.collate, existing.ctype)
                == (recorded.encoding, recorded.collate, recorded.ctype)
        else {
            throw PlainFailure(
                .cannotCreate, "the empty database \"\(name)\" has another encoding or locale than the backup",
                hint: "drop it, or say --replace \(name): the restore then makes it as it was")
        }
        return .fill
    }

    /// The roles to make.
    ///
    /// - Throws: status 66 when roles are missing that may not be made.
    private func roles(
        of databases: [PreparedDatabase], _ cluster: ClusterFacts, on target: RestoreTarget,
        _ globals: GlobalStatements?
    ) throws -> [String] {
        let known = Set(cluster.roles.map { options.roleMap.name(of: $0.name) })
        var needed: Set<String> = []
        for database in databases {
            // Those about the database itself count also where only a part is restored, unless it is somebody else's database.
            let own = database.toc.entries.filter {
                database.plan.way != .add
                    && ($0.namespace == nil && $0.tag.hasPrefix("DATABASE ") || $0.kind.hasPrefix("DATABASE"))
            }
            let toc = ArchiveTOC(
                formatMinor: 0, databaseName: "", serverVersion: "", dumpVersion: "",
                entries: own + database.dump.items.map(\.entry))
            needed.formUnion(
                toc.neededRoles(
                    of: known, owners: !options.leavesOwners, privileges: !options.leavesPrivileges))
        }
        let missing = needed.subtracting(target.roles)
        let makeable =
            globals.map { Set($0.roles).subtracting(target.roles).subtracting(options.roleMap.names.keys) } ?? []
        let lacking = missing.subtracting(makeable).sorted()
        guard lacking.isEmpty else {
            throw PlainFailure(
                .inputMissing, "the target lacks roles that the backup needs: \(RestorePlan.list(lacking))",
                hint: globals == nil
                    ? "make them, say --globals to have them made as they were, or name others with --role-map"
                    : "make them first")
        }
        return makeable.sorted()
    }

    private func globals() async throws -> GlobalStatements {
        guard let file = backup.manifest.file(.globals) else {
            throw PlainFailure(.malformed, "the manifest of \(backup.stored.name) names no globals")
        }
        return try await onOwnThread { [reading, stored = backup.stored] in
            let sink = CollectingSink()
            try reading.open(VerifiedFile(file, in: stored), into: sink)
            return GlobalStatements(String(decoding: sink.bytes, as: UTF8.self))
        }
    }

    private func warnings(_ databases: [PreparedDatabase], _ target: RestoreTarget) -> [String] {
        // Code that whoever owned a table wrote runs during a restore: constraints, index expressions, refreshes.
        var warnings = [
            "a restore runs code that owners of tables in the backup wrote, with the rights of \"\(target.user)\": "
                + "restore only what was made by people you trust"
        ]
        let source = backup.manifest.serverVersionNumber / 10000
        if source > target.majorVersion {
            warnings.append(
                "the backup is of PostgreSQL \(source), and the target is \(target.majorVersion): what the older one does not "
                    + "know makes the restore fail")
        }
        if !options.roleMap.names.isEmpty {
            warnings.append(
                "roles that function bodies, SET clauses or policies' expressions name are left as they are")
        }
        for database in databases {
            let plan = database.plan
            warnings += plan.leftOut.map { "not restored: \($0)" }
            warnings += plan.withoutRows.map { "\($0) is made without its rows, since something restored needs it" }
        }
        return warnings
    }
}

extension ArchiveTOC {
    /// The major version of the pg_dump that wrote the archive: an older pg_restore may not read it.
    var dumpMajorVersion: Int? { Int(dumpVersion.prefix { $0.isNumber }) }
}

extension Dump {
    /// Whether it has the objects that the index recorded.
    func holds(_ definitions: [Definition]) -> Bool { streams[0].front.toc.definitions == definitions }
}
