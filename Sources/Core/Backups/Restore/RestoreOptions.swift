import Platform

/// What a restore is asked for.
package struct RestoreOptions: Sendable {
    /// The databases of the backup; empty: the only one, unless `all`.
    package var databases: [String] = []
    package var all = false
    /// The name to restore the only chosen one under; nil takes its own.
    package var target: String?
    /// The names of databases that may be replaced.
    package var replaced: Set<String> = []
    package var selection = DumpSelection()
    /// Makes the roles that the target lacks.
    package var makesRoles = false
    /// Leaves everything to the role that restores.
    package var leavesOwners = false
    /// Leaves out grants.
    package var leavesPrivileges = false
    package var roleMap = RoleMap()
    /// Sessions at the same time.
    package var jobs = min(Processors.count, 8)
    /// Dumps what was restored again, to compare it.
    package var compares = true

    package init() {}
}
