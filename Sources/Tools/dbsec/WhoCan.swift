import AccessPolicy
import ArgumentParser
import Console
import Platform

struct WhoCan: Command {
    static let configuration = CommandConfiguration.verb(
        "who-can", "Show who has a privilege on an object, by which memberships, grants and policies.",
        details: """
            Each line is one way: at once, or after SET ROLE. Exit code 1 if nobody but superusers can log in and do it.
            """,
        examples: [
            "dbsec who-can SELECT public.orders", "dbsec who-can EXECUTE 'public.total(integer)'",
            "dbsec who-can UPDATE public.users.email", "dbsec who-can CREATE public --kind schema",
        ])

    @OptionGroup var common: CommonOptions
    @OptionGroup var server: ServerOptions

    @Argument(help: "The privilege, as SELECT.")
    var privilege: String

    @Argument(help: "The object, named as in a policy: public.orders, public.users.email, public.total(integer).")
    var object: String

    @Option(help: "The kind of object, where its name does not tell: \(ObjectKind.allNames).")
    var kind: ObjectKind?

    func run(_ context: Context) async throws -> any Report {
        let question = try await AccessQuestion.ask(about: object, kind: kind, on: try await server.connect(context))
        let privilege = try question.privilege(privilege)
        return HoldersReport(question.access.holders(of: privilege, on: question.object))
    }
}

extension ObjectKind: ExpressibleByArgument {
    static var allNames: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

struct HoldersReport: Report {
    private let holders: Holders

    init(_ holders: Holders) {
        self.holders = holders
    }

    var status: ExitStatus { holders.isAnybody ? .success : .negative }

    var text: String {
        var lines = ["\(holders.privilege) on \(holders.object.kind.rawValue) \(holders.object):"]
        if !holders.everyone.isEmpty {
            let grantors = holders.everyone.map(spelled).joined(separator: ", ")
            lines.append("  PUBLIC -> granted \(holders.privilege) by \(grantors): \(publicReach)")
        }
        for holder in holders.holders {
            let columns =
                holder.columns.isEmpty ? "" : "; only columns \(holder.columns.map(spelled).joined(separator: ", "))"
            let cannot = holder.canConnect ? "" : "; cannot log in itself"
            for way in holder.ways { lines.append("  \(way.text(holders.privilege))\(columns)\(cannot)") }
        }
        lines.append("  superusers may do anything: \(holders.superusers.map(spelled).joined(separator: ", "))")
        if !holders.isAnybody { lines.append("nobody else can log in and do this") }
        return lines.map(Plain.line).joined(separator: "\n")
    }

    private var publicReach: String {
        switch holders.publicReach {
        case .everyRole: "every role"
        case .someRoles: "every role with USAGE on the schema"
        case .nobody: "but nobody gets at the schema"
        }
    }

    private enum Keys: String, CodingKey {
        case object, kind, privilege, anybody, `public`, superusers, roles
    }

    private enum RoleKeys: String, CodingKey {
        case role, canLogin, allowed, columns, ways
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(holders.object.description, forKey: .object)
        try container.encode(holders.object.kind, forKey: .kind)
        try container.encode(holders.privilege.description, forKey: .privilege)
        try container.encode(holders.isAnybody, forKey: .anybody)
        try container.encode(holders.publicReach, forKey: .public)
        try container.encode(holders.superusers, forKey: .superusers)
        var list = container.nestedUnkeyedContainer(forKey: .roles)
        for holder in holders.holders {
            var role = list.nestedContainer(keyedBy: RoleKeys.self)
            try role.encode(holder.role, forKey: .role)
            try role.encode(holder.canConnect, forKey: .canLogin)
            try role.encode(holder.canUse, forKey: .allowed)
            if !holder.columns.isEmpty { try role.encode(holder.columns, forKey: .columns) }
            try role.encode(holder.ways.map { WayDocument($0, holders.privilege) }, forKey: .ways)
        }
    }
}

/// A way to a privilege as JSON.
struct WayDocument: Encodable {
    let steps: [String]
    let setRole: String?
    let rows: String?
    let missing: String?

    init(_ way: Explanation.Way, _ privilege: PrivilegeSet) {
        steps = way.path.steps(privilege)
        setRole = way.path.needsSetRole ? way.path.acting : nil
        rows = way.rows?.text
        missing = way.path.missing
    }
}
