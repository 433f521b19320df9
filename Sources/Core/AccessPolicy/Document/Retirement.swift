/// What becomes of what a role owns when the role is retired.
package enum Retirement: Sendable, Hashable {
    /// It may own nothing; the privileges it holds go.
    case emptyHanded
    /// Its objects go to this role.
    case reassigning(to: String)
    /// Its objects are dropped.
    case dropping

    init(of role: String, heir: String?, drops: Bool?, at decoder: any Decoder) throws {
        guard heir == nil || drops == nil else {
            throw decoder.rejection("reassignTo and drop exclude one another")
        }
        guard heir != role else { throw decoder.rejection("a role cannot be its own heir") }
        self = heir.map { .reassigning(to: $0) } ?? (drops == true ? .dropping : .emptyHanded)
    }
}

/// Whether a declared role shall be there.
enum RolePresence: String, CaseIterable, Decodable {
    case present, absent

    init(from decoder: any Decoder) throws {
        self = try decoder.word(among: Self.allCases, kind: "state")
    }
}
