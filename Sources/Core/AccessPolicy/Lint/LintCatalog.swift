/// A database and its roles as the lint reads them: by OID, as the catalog refers to them.
struct LintCatalog: Sendable {
    var version = 0
    var database = ""
    var databaseOwner: UInt32 = 0
    var user: UInt32 = 0
    var isSuperuser = false
    var readsVerifiers = false
    var passwordEncryption = ""
    /// `lo_compat_privileges`: no privilege on large objects is asked for.
    var opensLargeObjects = false
    var roles: [UInt32: LintRole] = [:]
    var memberships: [LintMembership] = []
    var schemas: [UInt32: LintSchema] = [:]
    var relations: [UInt32: LintRelation] = [:]
    /// Parents by child: partitions and inheriting tables.
    var parents: [UInt32: [UInt32]] = [:]
    var holdings: [LintHolder: [LintHolding]] = [:]
    var columnHoldings: [UInt32: [LintColumnHolding]] = [:]
    var defaults: [LintDefault] = []
    var policies: [LintPolicy] = []
    var columns: [UInt32: [String: LintColumn]] = [:]
    var foreignKeys: [LintForeignKey] = []
    var uniqueKeys: [UInt32: [LintUniqueKey]] = [:]
    var functions: [UInt32: LintFunction] = [:]
    var viewTargets: [UInt32: [UInt32]] = [:]
    var viewDefinitions: [UInt32: String] = [:]
    var rules: [LintRewrite] = []
    var triggers: [LintTrigger] = []
    var publications: [LintPublication] = []
    var parameters: [LintParameter] = []
    /// Those that belong to a column.
    var sequences: [LintSequence] = []
    var serials: [LintSerial] = []
    var others: [LintOther] = []
    var settings: [LintSetting] = []
}

/// A role with its attributes, which are read as its own.
@dynamicMemberLookup
struct LintRole: Sendable {
    enum Password: String, Sendable {
        case none, md5, scram
    }

    let oid: UInt32
    let name: String
    var attributes: RoleState
    /// Whether the session may SET ROLE to it.
    var mayAct = false
    /// Nobody can be it, and nothing in any database names it.
    var isUnused = false
    /// nil where the session may not read it.
    var password: Password?

    init(oid: UInt32, name: String, _ attributes: RoleState = RoleState()) {
        self.oid = oid
        self.name = name
        self.attributes = attributes
    }

    subscript<Value>(dynamicMember path: KeyPath<RoleState, Value>) -> Value { attributes[keyPath: path] }

    var isPredefined: Bool { name.hasPrefix("pg_") }
}

struct LintMembership: Sendable {
    let role: UInt32
    let member: UInt32
    let grantor: UInt32
    let admin: Bool
    /// From PostgreSQL 16 on.
    let inherit: Bool?
    let set: Bool?
}

struct LintSchema: Sendable {
    let oid: UInt32
    let name: String
    let owner: UInt32
    let isSystem: Bool
}

struct LintRelation: Sendable {
    enum Kind: String, Sendable {
        case table = "r"
        case partitioned = "p"
        case view = "v"
        case materialized = "m"
        case foreign = "f"
    }

    let oid: UInt32
    let space: UInt32
    let name: ObjectName
    let kind: Kind
    let owner: UInt32
    let isSecured: Bool
    let isForced: Bool
    let isPartition: Bool
    let rows: Int
    let isInvoker: Bool
    let isBarrier: Bool

    var isTable: Bool { kind == .table || kind == .partitioned }

    var object: LintObject {
        let word =
            switch kind {
            case .table, .partitioned: "table"
            case .view: "view"
            case .materialized: "materialized view"
            case .foreign: "foreign table"
            }
        return .relation(word, name)
    }
}

/// What privileges are held on.
enum LintHolder: Hashable, Sendable {
    case database
    case schema(UInt32)
    case relation(UInt32)
    case function(UInt32)
    case largeObject(UInt32)
    case tablespace(UInt32)
}

/// What one grantee was given by one grantor; grantee 0 is PUBLIC.
struct LintHolding: Sendable {
    let grantor: UInt32
    let grantee: UInt32
    let privileges: Set<String>
    let grantable: Set<String>
}

struct LintColumnHolding: Sendable {
    let column: String
    let holding: LintHolding
}

struct LintDefault: Sendable {
    let creator: UInt32
    /// 0 for every schema.
    let space: UInt32
    let kind: String
    let grantee: UInt32
    let privileges: Set<String>
    let isUsed: Bool
    let mayCreate: Bool
    /// PUBLIC has lost what it may do on such objects by itself.
    let isClosed: Bool
}

struct LintColumn: Sendable {
    let name: String
    let type: String
    let isNotNull: Bool
    let leadsIndex: Bool
}

struct LintForeignKey: Sendable {
    let name: String
    let relation: UInt32
    let target: UInt32
    /// As pg_constraint spells it: a no action, r restrict, c cascade, n set null, d set default.
    let onDelete: String
    let onUpdate: String
}

struct LintUniqueKey: Sendable {
    let name: String
    let columns: [String]
}

struct LintFunction: Sendable {
    let oid: UInt32
    let space: UInt32
    let name: ObjectName
    let arguments: String
    let kind: String
    let owner: UInt32
    let isDefiner: Bool
    let volatility: String
    let isLeakproof: Bool
    let settings: [String]
    let isTrigger: Bool
    /// Written in a language that reaches the operating system.
    let isUntrusted: Bool
    /// Where the lint has a use for it.
    let body: String?

    var object: LintObject { .relation(kind == "p" ? "procedure" : "function", name).appending("(\(arguments))") }

    /// The setting's value, or nil where the function does not set it.
    func setting(_ name: String) -> String? {
        settings.first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
    }
}

extension LintObject {
    func appending(_ text: String) -> LintObject { LintObject(kind, name + text, schema: schema) }
}

/// A rule that is no view: what it runs has the rights of the relation's owner.
struct LintRewrite: Sendable {
    let relation: UInt32
    let name: String
    let event: String
}

struct LintTrigger: Sendable {
    let relation: UInt32
    let name: String
    let function: UInt32
    let type: Int

    /// The privileges with which it can be set off.
    var events: Set<String> {
        var events: Set<String> = []
        if type & 4 != 0 { events.insert("INSERT") }
        if type & 8 != 0 { events.insert("DELETE") }
        if type & 16 != 0 { events.insert("UPDATE") }
        if type & 32 != 0 { events.insert("TRUNCATE") }
        return events
    }
}

struct LintPublication: Sendable {
    let name: String
    let relation: UInt32
}

struct LintParameter: Sendable {
    let name: String
    let grantee: UInt32
    let privileges: Set<String>
}

struct LintSequence: Sendable {
    let oid: UInt32
    let space: UInt32
    let name: ObjectName
    let owner: UInt32
    /// The table whose column it belongs to.
    let relation: UInt32
}

/// A column whose default is the next number of a sequence.
struct LintSerial: Sendable {
    let relation: UInt32
    let column: String
    let sequence: UInt32
    let sequenceName: ObjectName
    let owner: UInt32
}

/// What no schema holds.
struct LintOther: Sendable {
    enum Kind: String, Sendable {
        case largeObject = "large object"
        case tablespace
        case language
        case userMapping = "user mapping"
    }

    let kind: Kind
    let oid: UInt32
    let name: String
    let owner: UInt32
}

/// A setting of an application's own with which sessions begin.
struct LintSetting: Sendable {
    /// 0 is every role.
    let role: UInt32
    let isInDatabase: Bool
    let name: String
    let value: String
}
