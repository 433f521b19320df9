/// A right that the connected role needs for a change, besides being allowed to connect.
package enum Requirement: Hashable, Sendable {
    /// To make this role.
    case create(role: String)
    /// To change or drop this role: from PostgreSQL 16 on CREATEROLE and ADMIN OPTION on it.
    case alter(role: String)
    /// To say who is a member of this role.
    case admit(to: String)
    /// To take this role's rights for a while, as tests do.
    case join(String)
    /// To give the attribute to somebody else.
    case attribute(Attribute)
    /// No right of its own, since another role acts: only that this object changes.
    case touch(ObjectID)
    /// No right either: only that what this grantee holds changes.
    case concern(Grantee)
    /// To change or give away the object itself.
    case own(ObjectID)
    /// To grant or revoke these privileges on the object.
    case grant(PrivilegeSet, on: ObjectID)
    /// To act as this role by `SET ROLE`.
    case become(String)
    /// To have this role's rights at once, as changing its default privileges asks for.
    case inherit(String)

    package enum Attribute: String, Hashable, Sendable {
        case createdb = "CREATEDB"
        case replication = "REPLICATION"
        case bypassRls = "BYPASSRLS"
    }
}
