import Platform
package import PostgresClient

/// A policy document for a database as it stands.
package struct Inspection: Sendable {
    /// The document, ending in a line feed.
    package let document: String
    /// What is there and cannot be said in a policy.
    package let notes: [String]
    /// What the document's plan would change all the same: nothing, or there is a mistake in this program.
    package let differences: [String]

    /// Reads the database, or one schema of it, and holds the document it makes of it to the database.
    ///
    /// - Throws: with status 66 when there is no such schema.
    package static func inspect(_ connection: Connection, schema: String? = nil) async throws -> Inspection {
        let snapshot = try await AccessReader(connection).read().snapshot
        if let schema, snapshot.objects[.schema(schema)] == nil {
            let known = snapshot.objects.keys.filter { $0.kind == .schema }.compactMap(\.schema)
            throw PlainFailure(.inputMissing, unknown("schema", schema, among: known))
        }
        let inspected = InspectedPolicy(snapshot, schema: schema)
        let (document, notes) = (inspected.document, inspected.notes)
        let file = try PolicyFile(bytes: Array(document.utf8), named: "policy made by inspect")
        let plan = try await Provisioner(connection, file, passwords: GivenPasswords()).plan()
        return Inspection(document: document, notes: notes, differences: plan.changes.map(\.reason))
    }
}

/// The document, section by section, out of a snapshot.
struct InspectedPolicy {
    let snapshot: Snapshot
    let schema: String?
    /// By kind and schema, where there is more than one: what `schema.*` means.
    let schemas: [ObjectKind: [String: [ObjectID]]]
    private(set) var notes: [String] = []
    private var sections: [JSONText.Member] = []

    init(_ snapshot: Snapshot, schema: String?) {
        self.snapshot = snapshot
        self.schema = schema
        let own = snapshot.objects.filter { !$0.value.isExtensionMember && $0.key.schema != nil }.keys
        schemas = Dictionary(grouping: own.filter { schema == nil || $0.schema == schema }, by: \.kind).mapValues {
            Dictionary(grouping: $0) { $0.schema ?? "" }.filter { $0.value.count > 1 }
        }
        let grants = inspectedGrants
        let defaults = inspectedDefaults
        let owners = inspectedOwners
        let security = inspectedRowSecurity
        notes += security.notes
        // Of one schema, the roles that have to do with it, and whoever acts with their rights.
        let mentioned = grants.roles.union(defaults.roles).union(owners.roles).union(security.roles)
        let roles = inspectedRoles(schema == nil ? nil : mentioned)
        notes += roles.notes
        sections = [
            .init("roles", .object(roles.members)), .init("owners", .array(owners.entries)),
            .init("grants", .array(grants.entries)), .init("defaultPrivileges", .array(defaults.entries)),
            .init("rowSecurity", .object(security.members)),
        ]
    }

    /// Whether a document may speak of this role: superusers, PostgreSQL's own and the connected role are never changed.
    func isDeclarable(_ role: String) -> Bool {
        snapshot.roles[role] != nil && snapshot.protection(of: role) == nil && role != "PUBLIC"
    }

    func isDeclarable(_ grantee: Grantee) -> Bool {
        grantee.roleName.map(isDeclarable) ?? true
    }

    /// Whether the document is about this object; the members of extensions belong to those.
    func isCovered(_ object: ObjectID) -> Bool {
        guard let state = snapshot.objects[object.owned], !state.isExtensionMember else { return false }
        return schema == nil || object.schema == schema
    }

    var document: String {
        let head: [JSONText.Member] = [
            .init("$schema", .string("policy.schema.json")), .init("version", .number(1)),
            .init("mode", .string("additive")),
        ]
        let filled = sections.filter { $0.value != .object([]) && $0.value != .array([]) }
        let members = (head + filled).map { member -> String in
            let isOpen = filled.contains(member)
            return "  " + JSONText.object([member]).member(isOpen: isOpen)
        }
        return comment + "{\n" + members.joined(separator: ",\n") + "\n}\n"
    }

    private var comment: String {
        let version = "\(snapshot.server.version / 10000).\(snapshot.server.version % 10000)"
        let place = schema.map { "schema \(spelled($0)) of database" } ?? "database"
        var lines = [
            "Who may do what in \(place) \(spelled(snapshot.server.database)) on PostgreSQL \(version), written by dbsec inspect.",
            "On that database this policy has nothing to change. Passwords are not in it, nor superusers, PostgreSQL's own",
            "roles and the connected role \(spelled(snapshot.server.user)), which no policy changes, nor the members of extensions.",
        ]
        lines += notes.map { "Not in this policy: \($0)." }
        return lines.map { "// " + oneLine($0) + "\n" }.joined()
    }

    /// A name with a line feed in it must not end a comment.
    private func oneLine(_ text: String) -> String {
        text.unicodeScalars.map { scalar -> String in
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: " "
            default: String(scalar)
            }
        }.joined()
    }
}

extension JSONText {
    /// The first member of an object, as it stands on a line of its own.
    fileprivate func member(isOpen: Bool) -> String {
        guard case .object(let members) = self, let member = members.first else { return "" }
        return "\"\(member.key)\": " + member.value.text(indent: 2, behind: member.key.count + 4, isOpen: isOpen)
    }
}
