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

    private func resolve(_ signature: RoutineSignature) async throws -> ObjectID? {
        let name = try Quoting.identifier(signature.name.schema) + "." + Quoting.identifier(signature.name.name)
        let rows = try await connection.query(
            """
            SELECT n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes)
            FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
            WHERE p.oid = pg_catalog.to_regprocedure(\("\(name)(\(signature.arguments))"))
            """)
        guard let row = rows.first else { return nil }
        return .function(ObjectName(try row[0], try row[1]), try row[2])
    }
}
