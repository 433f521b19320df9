/// What still hangs on a role that shall go, in every database of the server.
package struct RetirementState: Sendable, Hashable {
    /// In one database, or what all of them share.
    package struct Dependencies: Sendable, Hashable, CustomStringConvertible {
        /// nil: databases, tablespaces and memberships, which no database holds.
        package let database: String?
        package var owned: Int
        /// Privileges, default privileges and row security policies.
        package var named: Int

        package init(database: String?, owned: Int = 0, named: Int = 0) {
            self.database = database
            self.owned = owned
            self.named = named
        }

        var place: String { database.map { "in database \(spelled($0))" } ?? "shared by all databases" }

        package var description: String {
            let words = [
                (owned, owned == 1 ? "1 owned object" : "\(owned) owned objects"),
                (named, named == 1 ? "1 privilege or policy" : "\(named) privileges or policies"),
            ]
            return words.filter { $0.0 > 0 }.map(\.1).joined(separator: ", ")
        }
    }

    package var dependencies: [Dependencies]
    /// Sessions of the role now, by database.
    package var sessions: [String: Int]

    package init(dependencies: [Dependencies] = [], sessions: [String: Int] = [:]) {
        self.dependencies = dependencies
        self.sessions = sessions
    }
}
