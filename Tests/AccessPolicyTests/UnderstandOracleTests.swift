import PostgresClient
import TestSupport
import Testing

@testable import AccessPolicy

/// Every answer about effective access held to PostgreSQL's own, over databases made at random.
@Suite(.cluster, .database, .timeLimit(.minutes(4))) struct UnderstandOracleTests {
    private static let seeds: [UInt64] = [1, 2, 3, 4, 5, 6]

    /// A database made of the seed, read twice: as our values, and open for questions.
    private func scene(_ seed: UInt64) async throws -> (Scene, Connection, EffectiveAccess) {
        let scene = try Scene()
        let connection = try await scene.database.connect()
        var dice = Dice(seed: seed)
        for statement in scene.randomAccess(&dice, version: connection.serverVersion) {
            try await connection.execute(SQL(raw: statement))
        }
        return (scene, connection, EffectiveAccess(try await scene.snapshot()))
    }

    private func own(_ scene: Scene, _ access: EffectiveAccess) -> [String] {
        access.snapshot.roles.keys.filter { $0.hasSuffix(scene.own("@")) }.sorted()
    }

    @Test(arguments: seeds) func `privileges and grant options are those PostgreSQL says`(_ seed: UInt64) async throws {
        let (scene, connection, access) = try await scene(seed)
        let roles = own(scene, access)
        var compared = 0
        var wrong: [String] = []
        for object in access.snapshot.objects.keys.sorted() + access.columns {
            // Before PostgreSQL 18 nobody can ask about a large object.
            if object.kind == .largeObject, connection.serverVersion < 180_000 { continue }
            // Databases share these; those of the seeds beside this one change between our reading and the question.
            if object.isShared, !object.description.contains(scene.own("@")) { continue }
            // That PUBLIC has the use of the language c, as the server says, means nothing: only superusers have it.
            if access.snapshot.objects[object]?.form == .untrustedLanguage { continue }
            let all = object.kind.privileges(onVersion: connection.serverVersion)
            let rows = try await connection.query(
                """
                SELECT r.rolname, p.word, \(object.question("p.word")),
                       \(object.question("p.word || ' WITH GRANT OPTION'"))
                FROM pg_roles r, unnest(\(all.names)) AS p(word) WHERE r.rolname = ANY (\(roles))
                """)
            for row in rows {
                let (role, word): (String, String) = (try row[0], try row[1])
                let privilege = try #require(PrivilegeSet(named: word))
                let (holds, mayGrant): (Bool, Bool) = (try row[2], try row[3])
                compared += 1
                if access.privileges(of: role, on: object).contains(privilege) != holds {
                    wrong.append("\(word) on \(object): \(role) \(holds)")
                }
                if access.grantable(of: role, on: object).contains(privilege) != mayGrant {
                    wrong.append("grant option for \(word) on \(object): \(role) \(mayGrant)")
                }
                let atOnce = access.paths(of: role, to: privilege, on: object).contains { !$0.needsSetRole }
                if atOnce != holds { wrong.append("no path for \(word) on \(object): \(role)") }
            }
        }
        #expect(wrong == [], "seed \(seed)")
        #expect(compared > 1000)
    }

    @Test(arguments: seeds) func `memberships lead where PostgreSQL says`(_ seed: UInt64) async throws {
        let (scene, connection, access) = try await scene(seed)
        let roles = own(scene, access).filter { !access.isSuperuser($0) }
        let set: SQL = connection.serverVersion >= 160_000 ? "'SET'" : "'MEMBER'"
        let rows = try await connection.query(
            """
            SELECT r.rolname, o.rolname, pg_has_role(r.oid, o.oid, 'USAGE'), pg_has_role(r.oid, o.oid, \(set))
            FROM pg_roles r, pg_roles o WHERE r.rolname = ANY (\(roles))
            """)
        var wrong: [String] = []
        for row in rows {
            let (role, other): (String, String) = (try row[0], try row[1])
            let (uses, sets): (Bool, Bool) = (try row[2], try row[3])
            if access.graph.inherited(by: role).contains(other) != uses {
                wrong.append("\(role) uses \(other): \(uses)")
            }
            if access.graph.settable(by: role).contains(other) != sets {
                wrong.append("\(role) sets \(other): \(sets)")
            }
        }
        #expect(wrong == [], "seed \(seed)")
    }

    @Test(arguments: seeds) func `each command reaches the rows that the filter says`(_ seed: UInt64) async throws {
        let (scene, connection, access) = try await scene(seed)
        var wrong: [String] = []
        var compared = 0
        for role in own(scene, access) {
            for table in access.snapshot.security.keys.sorted() {
                guard access.privileges(of: role, on: .schema(table.schema)).contains(.usage) else { continue }
                for command in [PolicyCommand.select, .insert, .update, .delete] {
                    guard let privilege = PrivilegeSet(named: command.rawValue),
                        access.privileges(of: role, on: .table(table)).contains(privilege)
                    else { continue }
                    compared += 1
                    let filter = access.rows(of: role, for: command, on: table)
                    let expected = try await connection.reached(by: command, table, filter)
                    let actual = try await connection.reached(by: command, table, as: role)
                    if expected != actual {
                        wrong.append("\(role) \(command) \(table): \(actual), expected \(expected)")
                    }
                }
            }
        }
        #expect(wrong == [], "seed \(seed)")
        #expect(compared > 20)
    }
}

extension EffectiveAccess {
    fileprivate var columns: [ObjectID] {
        snapshot.objects.keys.filter { $0.kind == .table }.sorted().flatMap { object -> [ObjectID] in
            guard case .table(let name) = object else { return [] }
            return [.column(name, "id"), .column(name, "note")]
        }
    }
}

extension ObjectID {
    fileprivate var isShared: Bool { kind == .parameter || kind == .tablespace }

    /// The server's own answer for role `r`.
    fileprivate func question(_ word: String) -> SQL {
        switch self {
        case .database(let name): "has_database_privilege(r.oid, \(literal: name), \(raw: word))"
        case .schema(let name): "has_schema_privilege(r.oid, \(literal: name), \(raw: word))"
        case .table(let name): "has_table_privilege(r.oid, \(literal: name.quoted), \(raw: word))"
        case .column(let table, let column):
            "has_column_privilege(r.oid, \(literal: table.quoted), \(literal: column), \(raw: word))"
        case .sequence(let name): "has_sequence_privilege(r.oid, \(literal: name.quoted), \(raw: word))"
        case .function(let name, let types):
            "has_function_privilege(r.oid, \(literal: "\(name.quoted)(\(types))"), \(raw: word))"
        case .type(let name): "has_type_privilege(r.oid, \(literal: name.quoted), \(raw: word))"
        case .language(let name): "has_language_privilege(r.oid, \(literal: name), \(raw: word))"
        case .foreignDataWrapper(let name):
            "has_foreign_data_wrapper_privilege(r.oid, \(literal: name), \(raw: word))"
        case .foreignServer(let name): "has_server_privilege(r.oid, \(literal: name), \(raw: word))"
        case .largeObject(let number):
            "has_largeobject_privilege(r.oid, \(raw: String(number))::oid, \(raw: word))"
        case .tablespace(let name): "has_tablespace_privilege(r.oid, \(literal: name), \(raw: word))"
        case .parameter(let name): "has_parameter_privilege(r.oid, \(literal: name), \(raw: word))"
        }
    }
}

extension ObjectName {
    fileprivate var quoted: String { "\"\(schema)\".\"\(name)\"" }
}

extension Connection {
    /// What a command would reach, by the filter's own words: identifiers of rows, or how many, or a refusal.
    fileprivate func reached(by command: PolicyCommand, _ table: ObjectName, _ filter: RowFilter?) async throws
        -> String
    {
        let seen = condition(filter?.seen)
        let written = condition(filter?.written)
        switch command {
        case .select: return try await ids("SELECT id FROM \(raw: table.quoted) WHERE \(raw: seen)")
        case .insert:
            return try await ids(
                "SELECT id FROM (SELECT generate_series(1, 8) AS id, NULL::text AS note) rows WHERE \(raw: written)")
        case .delete: return try await count("SELECT count(*) FROM \(raw: table.quoted) WHERE \(raw: seen)")
        default:
            let refused = try await count(
                "SELECT count(*) FROM \(raw: table.quoted) WHERE \(raw: seen) AND (\(raw: written)) IS NOT TRUE")
            return refused == "0"
                ? try await count("SELECT count(*) FROM \(raw: table.quoted) WHERE \(raw: seen)") : "refused"
        }
    }

    private func condition(_ rows: RowFilter.Rows?) -> String {
        switch rows {
        case nil, .all: "true"
        case RowFilter.Rows.none?: "false"
        case .matching(let expression, _)?: "(\(expression))"
        }
    }

    private func ids(_ query: SQL) async throws -> String {
        try await self.query(query).map { row -> Int in try row[0] }.sorted().map(String.init).joined(separator: " ")
    }

    private func count(_ query: SQL) async throws -> String {
        let count: Int = try await self.query(query).one()[0]
        return String(count)
    }

    /// What it reaches when the role runs it; undone.
    fileprivate func reached(by command: PolicyCommand, _ table: ObjectName, as role: String) async throws -> String {
        try await transaction {
            try await undoing {
                try await execute("SET LOCAL ROLE \(identifier: role)")
                do {
                    return try await run(command, table)
                } catch let error as PostgresError where error.code == "42501" {
                    return "refused"
                }
            }
        }
    }

    private func run(_ command: PolicyCommand, _ table: ObjectName) async throws -> String {
        switch command {
        case .select: return try await ids("SELECT id FROM \(raw: table.quoted)")
        case .insert:
            var allowed: [String] = []
            for id in 1...8 {
                do {
                    try await savepoint {
                        try await execute("INSERT INTO \(raw: table.quoted) VALUES (\(raw: String(id)))")
                    }
                    allowed.append(String(id))
                } catch let error as PostgresError where error.code == "42501" {}
            }
            return allowed.joined(separator: " ")
        case .delete: return String(try await affected("DELETE FROM \(raw: table.quoted)"))
        default: return String(try await affected("UPDATE \(raw: table.quoted) SET note = NULL"))
        }
    }

    private func affected(_ statement: SQL) async throws -> Int {
        try await execute(statement)
    }
}
