/// What a database says about access, as values: all that a decision needs, and no connection.
package struct Snapshot: Sendable {
    package var server: ServerState
    package var roles: [String: RoleState] = [:]
    package var memberships: [MembershipState] = []
    /// Every object but columns, which stand in `columns`; large objects and parameters only where a privilege on them
    /// was ever changed, or where the policy names them.
    package var objects: [ObjectID: ObjectState] = [:]
    /// The columns of the tables whose columns the policy names.
    package var columns: [ObjectName: [String]] = [:]
    package var privileges: [Holding: [HeldPrivileges]] = [:]
    /// As recorded; see `heldByDefault` for what holds where nothing is.
    package var defaults: [DefaultHolding: HeldPrivileges] = [:]
    /// Those whose privileges in every schema were changed, so that `defaults` has all there are.
    package var changedDefaults: Set<FutureObjects> = []
    /// Those of which none was left: PostgreSQL then takes what is built in.
    package var emptiedDefaults: Set<FutureObjects> = []
    /// The parameters that there are, where the policy names any.
    package var parameters: Set<String> = []
    package var security: [ObjectName: SecurityState] = [:]
    package var policies: [PolicyState] = []
    /// What the server takes each function signature of the document for.
    package var signatures: [RoutineSignature: ObjectID] = [:]
    /// The pairs that the server found to mean the same.
    package var equalExpressions: Set<ExpressionPair> = []
    package var passwords: [String: PasswordState] = [:]
    /// What hangs on the roles that the policy declares absent, all over the server.
    package var retirements: [String: RetirementState] = [:]

    package init(server: ServerState) {
        self.server = server
    }

    /// Why no policy may ever change this role; nil where one may.
    package func protection(of role: String) -> String? {
        if role.hasPrefix("pg_") { return "role \"\(role)\" is PostgreSQL's own, and is never changed" }
        if role == server.user { return "role \"\(role)\" is the connected role, and is never changed" }
        if roles[role]?.isSuperuser == true { return "role \"\(role)\" is a superuser, and is never changed" }
        return nil
    }
}

package struct ServerState: Sendable, Hashable {
    /// As `server_version_num`: 150018, 160014, 180004.
    package var version: Int
    package var database: String
    package var user: String
    package var isSuperuser: Bool

    package init(version: Int, database: String, user: String, isSuperuser: Bool) {
        self.version = version
        self.database = database
        self.user = user
        self.isSuperuser = isSuperuser
    }
}

package struct RoleState: Sendable {
    package var isSuperuser = false
    package var login = false
    package var createdb = false
    package var createrole = false
    package var inherit = true
    package var replication = false
    package var bypassRls = false
    package var connectionLimit = -1
    package var validUntil = Expiry.never
    /// Values in the server's words, for all databases.
    package var settings: [String: String] = [:]
    /// The same for the connected database alone.
    package var settingsInDatabase: [String: String] = [:]

    package init() {}
}

/// One row of `pg_auth_members`; from PostgreSQL 16 on an edge may have several, one for each grantor.
package struct MembershipState: Sendable, Hashable {
    package var role: String
    package var member: String
    package var grantor: String
    package var admin: Bool
    /// nil before PostgreSQL 16.
    package var inherit: Bool?
    /// nil before PostgreSQL 16.
    package var set: Bool?
    /// Made by PostgreSQL itself, so that the member, who has CREATEROLE, can manage the role it made.
    package var isAutomatic: Bool

    package init(
        role: String, member: String, grantor: String, admin: Bool = false, inherit: Bool? = nil, set: Bool? = nil,
        isAutomatic: Bool = false
    ) {
        self.role = role
        self.member = member
        self.grantor = grantor
        self.admin = admin
        self.inherit = inherit
        self.set = set
        self.isAutomatic = isAutomatic
    }
}

package struct ObjectState: Sendable {
    package var owner: String
    package var isExtensionMember = false
    /// No privilege was ever changed: the owner has them all.
    package var hasDefaultPrivileges = false
    package var form = ObjectForm.plain
    /// The table whose column a sequence belongs to: it follows that table's owner.
    package var table: ObjectName?

    package init(
        owner: String, isExtensionMember: Bool = false, hasDefaultPrivileges: Bool = false,
        form: ObjectForm = .plain, table: ObjectName? = nil
    ) {
        self.owner = owner
        self.isExtensionMember = isExtensionMember
        self.hasDefaultPrivileges = hasDefaultPrivileges
        self.form = form
        self.table = table
    }
}

/// What an object is, where its kind does not tell.
package enum ObjectForm: String, Sendable, Hashable {
    case plain
    case partitionedTable = "partitioned table"
    case view
    case materializedView = "materialized view"
    case foreignTable = "foreign table"
    case procedure
    case aggregate
    case domain
    /// A language whose functions only superusers may write: nobody can be granted its use.
    case untrustedLanguage = "untrusted language"
}

package struct HeldPrivileges: Hashable, Sendable {
    package var grantor: String
    package var privileges: PrivilegeSet
    package var grantable: PrivilegeSet

    package init(grantor: String, _ privileges: PrivilegeSet, grantable: PrivilegeSet = []) {
        self.grantor = grantor
        self.privileges = privileges
        self.grantable = grantable
    }
}

package struct SecurityState: Sendable, Hashable {
    package var isEnabled: Bool
    package var isForced: Bool

    package init(isEnabled: Bool, isForced: Bool) {
        self.isEnabled = isEnabled
        self.isForced = isForced
    }
}

package struct PolicyState: Sendable, Hashable {
    package var table: ObjectName
    package var name: String
    package var grantees: [Grantee]
    package var command: PolicyCommand
    package var isRestrictive: Bool
    /// As the server prints it.
    package var using: String?
    /// As the server prints it.
    package var check: String?

    package init(
        table: ObjectName, name: String, grantees: [Grantee], command: PolicyCommand = .all,
        isRestrictive: Bool = false, using: String? = nil, check: String? = nil
    ) {
        self.table = table
        self.name = name
        self.grantees = grantees
        self.command = command
        self.isRestrictive = isRestrictive
        self.using = using
        self.check = check
    }
}

/// An expression of the document and one of the catalog, over the same table.
package struct ExpressionPair: Hashable, Sendable {
    package let table: ObjectName
    package let declared: String
    package let stored: String

    package init(table: ObjectName, declared: String, stored: String) {
        self.table = table
        self.declared = declared
        self.stored = stored
    }
}

/// How a role's given password stands to the verifier that the server keeps.
package enum PasswordState: Sendable, Hashable {
    case same
    case different
    /// It cannot be told, and why.
    case unknown(String)
}
