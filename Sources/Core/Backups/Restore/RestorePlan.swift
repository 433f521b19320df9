import Platform

/// What a restore is going to do, decided before anything is changed.
package struct RestorePlan: Sendable {
    package let backup: String
    package let database: String
    package let target: String
    /// False when there is an empty database of that name, which is then filled.
    package let isNew: Bool
    /// Roles that will be made, since they are missing.
    package let rolesToMake: [String]
    /// Tablespaces that the target lacks: everything then goes into the default one.
    package let missingTablespaces: [String]
    package let tables: Int
    package let rows: Int
    package let bytes: Int
    /// The account in the database that code in the backup will run as.
    package let user: String

    /// Code that whoever owned a table wrote runs during a restore: constraints, index expressions, refreshes.
    package var warning: String {
        "a restore runs code that owners of tables in the backup wrote, with the rights of \"\(user)\": "
            + "restore only what was made by people you trust"
    }

    package var steps: [String] {
        var steps: [String] = []
        if !rolesToMake.isEmpty {
            steps.append("make the roles \(rolesToMake.map { "\"\($0)\"" }.joined(separator: ", "))")
        }
        if isNew {
            steps.append(
                "make a database under a temporary name, with the recorded encoding, locale, owner, settings and privileges"
            )
        }
        steps.append("load \(tables) tables with \(rows) rows from \"\(database)\" of \(backup)")
        if !missingTablespaces.isEmpty {
            steps.append("put into the default tablespace what was in \(missingTablespaces.joined(separator: ", "))")
        }
        steps.append(
            isNew
                ? "rename it to \"\(target)\""
                : "give \"\(target)\" the recorded owner, settings, privileges and comment")
        return steps
    }

    /// Compares what the backup needs with what the target has.
    ///
    /// - Throws: status 73 when the target database has content or another encoding or locale, 66 when roles are missing that
    ///   the plan may not make.
    init(
        backup: String, recorded: DatabaseIndex, toc: ArchiveTOC, roles: ClusterFacts, target name: String,
        on target: RestoreTarget, globals: GlobalStatements?, bytes: Int
    ) throws {
        if let existing = target.existing { try Self.check(existing, name, recorded.facts) }
        let known = Set(roles.roles.map(\.name))
        let missing = toc.neededRoles(of: known).subtracting(target.roles)
        let makeable = globals.map { Set($0.roles).subtracting(target.roles) } ?? []
        let lacking = missing.subtracting(makeable).sorted()
        guard lacking.isEmpty else {
            throw PlainFailure(
                .inputMissing,
                "the target lacks roles that the backup needs: \(lacking.map { "\"\($0)\"" }.joined(separator: ", "))",
                hint: globals == nil ? "make them, or say --globals to have them made as they were" : "make them first")
        }
        self.backup = backup
        self.target = name
        database = recorded.facts.name
        isNew = target.existing == nil
        rolesToMake = makeable.sorted()
        let tablespaces = toc.neededTablespaces.union([recorded.facts.tablespace])
        missingTablespaces = tablespaces.subtracting(target.tablespaces).sorted()
        tables = recorded.content.tables.count
        rows = recorded.content.rows
        self.bytes = bytes
        user = target.user
    }

    private static func check(_ existing: RestoreTarget.Existing, _ name: String, _ recorded: DatabaseFacts) throws {
        if let content = existing.content {
            throw PlainFailure(
                .cannotCreate, "the database \"\(name)\" is there already and not empty: it has the \(content)",
                hint: "name another with --target-dbname")
        }
        guard
            (existing.encoding, existing.collate, existing.ctype)
                == (recorded.encoding, recorded.collate, recorded.ctype)
        else {
            throw PlainFailure(
                .cannotCreate, "the empty database \"\(name)\" has another encoding or locale than the backup",
                hint: "drop it: the restore then makes it as it was")
        }
    }
}
