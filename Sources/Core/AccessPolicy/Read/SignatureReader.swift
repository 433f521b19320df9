import PostgresClient

/// Asks the server which function each signature of a policy means: `int` is `integer` there, and names are optional.
struct SignatureReader {
    private let connection: Connection

    init(_ connection: Connection) {
        self.connection = connection
    }

    func signatures(in policy: Policy) async throws -> [RoutineSignature: ObjectID] {
        var found: [RoutineSignature: ObjectID] = [:]
        let targets =
            policy.grants.enumerated().map { ("grants[\($0)]", $1.target) }
            + policy.owners.enumerated().map { ("owners[\($0)]", $1.target) }
        for (place, target) in targets {
            guard case .functions(let list) = target else { continue }
            for (position, selector) in list.enumerated() {
                guard case .one(let signature) = selector, found[signature] == nil else { continue }
                do {
                    found[signature] = try await connection.savepoint { try await resolve(signature) }
                } catch let error as PostgresError where error.code?.hasPrefix("42") == true {
                    throw PolicyProblem("\(place).on.functions[\(position)]", "\(signature): \(error.message)")
                }
            }
        }
        return found
    }

    /// As written, or else as `\df` and CREATE FUNCTION show it: with names, modes and defaults, which are left out.
    private func resolve(_ signature: RoutineSignature) async throws -> ObjectID? {
        do {
            if let found = try await connection.savepoint({ try await object(signature, signature.arguments) }) {
                return found
            }
        } catch let error as PostgresError where error.code?.hasPrefix("42") == true {
            if let types = try await types(of: ArgumentList(signature.arguments)) {
                return try await object(signature, types)
            }
            throw error
        }
        guard let types = try await types(of: ArgumentList(signature.arguments)) else { return nil }
        return try await object(signature, types)
    }

    /// The types alone; nil where one of them is none.
    private func types(of list: ArgumentList) async throws -> String? {
        var types: [String] = []
        for argument in list.inputs {
            var found: String?
            for candidate in argument where found == nil {
                if try await isType(candidate) { found = candidate }
            }
            guard let found else { return nil }
            types.append(found)
        }
        return types.joined(separator: ", ")
    }

    private func isType(_ text: String) async throws -> Bool {
        do {
            return try await connection.savepoint {
                try await connection.query("SELECT pg_catalog.to_regtype(\(text)) IS NOT NULL").one()[0]
            }
        } catch let error as PostgresError where error.code?.hasPrefix("42") == true {
            return false
        }
    }

    private func object(_ signature: RoutineSignature, _ arguments: String) async throws -> ObjectID? {
        let name = try Quoting.identifier(signature.name.schema) + "." + Quoting.identifier(signature.name.name)
        let rows = try await connection.query(
            """
            SELECT n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes)
            FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
            WHERE p.oid = pg_catalog.to_regprocedure(\("\(name)(\(arguments))"))
            """)
        guard let row = rows.first else { return nil }
        return .function(ObjectName(try row[0], try row[1]), try row[2])
    }
}
