package import Cryptography
import Platform
package import PostgresClient

/// The first step: the twin column, its index columns, and triggers that keep a stale ciphertext from staying.
package struct ColumnStart: Sendable {
    package struct Request: Sendable {
        package var path: [String]
        package var column: String
        package var twin: String
        package var context: String
        package var rowColumn: String?
        package var padding: Int
        package var indexes: [IndexDeclaration]
        /// Takes a twin column that is there already, perhaps with some values.
        package var adopts: Bool

        package init(
            path: [String], column: String, twin: String?, context: String?, rowColumn: String?, padding: Int,
            indexes: [IndexDeclaration], adopts: Bool
        ) {
            self.path = path
            self.column = column
            self.twin = twin ?? "\(column)_enc"
            self.context = context ?? "\(path.last ?? "").\(column)"
            self.rowColumn = rowColumn
            self.padding = padding
            self.indexes = indexes
            self.adopts = adopts
        }
    }

    /// What would be done, before anything is.
    package struct Plan: Sendable {
        package let declaration: ColumnDeclaration
        package let dependencies: [Dependency]
        package let rows: Int
        let adds: [SQL]
        let watch: ColumnTriggers.Watch

        /// The statements that change the table, as they would be run; the catalogue's own are not among them.
        package func statements() throws -> [String] {
            try (adds + ColumnTriggers(declaration, watch).forward()).map { try $0.text() }
        }
    }

    private let connection: Connection
    private let keyring: Keyring

    package init(_ connection: Connection, _ keyring: Keyring) {
        self.connection = connection
        self.keyring = keyring
    }

    /// - Throws: status 1 when the column cannot be encrypted; 66 when there is none.
    package func plan(_ request: Request) async throws -> Plan {
        let facts = try await ColumnFacts.read(request.path, request.column, on: connection)
        let name = "\(request.path.joined(separator: ".")).\(request.column)"
        if let obstacle = facts.obstacle {
            throw PlainFailure(.negative, "\(name) cannot be encrypted in place: \(obstacle)")
        }
        if try await ColumnCatalog(connection).find(request.path, request.column) != nil {
            throw PlainFailure(
                .cannotCreate, "\(name) was started already", hint: "dbpii column status says how far it has come")
        }
        if let row = request.rowColumn { try await check(row: row, request.path) }
        let adds = try await additions(request)
        let declaration = ColumnDeclaration(
            id: 0, schema: request.path[0], table: request.path[1], column: request.column, type: facts.type,
            isNotNull: facts.isNotNull, twin: request.twin, context: request.context, rowColumn: request.rowColumn,
            padding: request.padding, phase: .started, keys: [try keyring.activeKey().id.description],
            indexes: request.indexes, ring: keyring.ring, generation: keyring.generation)
        _ = try declaration.cipher(keyring)
        let rows: Int = try await connection.query(
            """
            SELECT count(*) FROM \(identifier: request.path) WHERE \(identifier: request.column) IS NOT NULL
            """
        ).one()[0]
        return Plan(
            declaration: declaration, dependencies: try await Dependency.read(facts, on: connection), rows: rows,
            adds: adds, watch: try await ColumnTriggers.watch(declaration, on: connection))
    }

    /// Does it, in one transaction.
    package func run(_ plan: Plan) async throws -> ColumnDeclaration {
        let catalog = ColumnCatalog(connection)
        return try await connection.transaction(.changing) {
            try await catalog.install()
            let declaration = try await catalog.insert(plan.declaration)
            for statement in plan.adds { try await connection.script(statement) }
            let triggers = ColumnTriggers(declaration, plan.watch)
            for statement in triggers.forward() { try await connection.script(statement) }
            try await triggers.enable(on: connection)
            return declaration
        }
    }

    private func additions(_ request: Request) async throws -> [SQL] {
        var adds: [SQL] = []
        for column in [request.twin] + request.indexes.map(\.column) {
            if try await ColumnFacts.exists(request.path, column, on: connection) {
                let facts = try await ColumnFacts.read(request.path, column, on: connection)
                guard request.adopts, facts.type == "bytea" else {
                    throw PlainFailure(
                        .cannotCreate, "the table has a column \(column) already, of type \(facts.type)",
                        hint: request.adopts
                            ? "only a bytea column can be taken over"
                            : "--adopt takes a bytea column over; --twin names another")
                }
            } else {
                adds.append("ALTER TABLE \(identifier: request.path) ADD COLUMN \(identifier: column) pg_catalog.bytea")
            }
        }
        for column in request.indexes.flatMap({ $0.with ?? [] }) {
            _ = try await ColumnFacts.read(request.path, column, on: connection)
        }
        return try await adds
            + ColumnPrivileges.copying(
                request.column, to: [request.twin] + request.indexes.map(\.column), of: request.path, on: connection)
    }

    /// A row's uuid has to be known before the row is inserted, and may never change.
    private func check(row: String, _ path: [String]) async throws {
        let facts = try await ColumnFacts.read(path, row, on: connection)
        guard facts.type == "uuid", facts.isNotNull else {
            throw PlainFailure(
                .negative,
                "\(row) cannot bind values to rows: it is \(facts.type)\(facts.isNotNull ? "" : " and may be NULL")",
                hint: "row binding needs a uuid column, NOT NULL, unique, that the client makes")
        }
        let isUnique: Bool = try await connection.query(
            """
            SELECT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = \(facts.relation) AND i.indisunique
                AND i.indnkeyatts = 1 AND i.indkey[0] = \(facts.number)::pg_catalog.int2 AND i.indpred IS NULL)
            """
        ).one()[0]
        guard isUnique else {
            throw PlainFailure(
                .negative, "\(row) cannot bind values to rows: it is not unique",
                hint: "row binding needs a uuid column, NOT NULL, unique, that the client makes")
        }
    }
}

/// The triggers of a column's twin, their function and their counter.
struct ColumnTriggers: Sendable {
    /// Which updates the triggers look at.
    enum Watch: Sendable {
        /// Those that name the column: all others, the jobs' own among them, cost nothing.
        case named
        /// All, where another trigger may change the column of an update that does not name it.
        case all
    }

    private let column: ColumnDeclaration
    private let watch: Watch

    init(_ column: ColumnDeclaration, _ watch: Watch = .named) {
        self.column = column
        self.watch = watch
    }

    static func watch(_ column: ColumnDeclaration, on connection: Connection) async throws -> Watch {
        // BEFORE, FOR EACH ROW, UPDATE (pg_trigger.h).
        let others: Bool = try await connection.query(
            """
            SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger t
                JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
                WHERE t.tgrelid = pg_catalog.to_regclass(\(try column.quoted(column.path))) AND NOT t.tgisinternal
                    AND t.tgtype & 19 = 19 AND n.nspname <> 'dbpii')
            """
        ).one()[0]
        return others ? .all : .named
    }

    private func event(_ columns: [String]) -> SQL {
        watch == .all ? "UPDATE" : "UPDATE OF \(columns.map { "\(identifier: $0)" as SQL }.joined())"
    }

    private var function: [String] { ["dbpii", column.helper] }
    private var names: [String] {
        // The last of their kind by name, so that they see what other triggers have made of the row.
        ["zzz_dbpii_\(column.id)_insert", "zzz_dbpii_\(column.id)_update", "zzz_dbpii_\(column.id)_row"]
    }

    /// While the plaintext counts: an update of it without the twin clears the twin, and each such write is counted.
    ///
    /// A sequence counts without a lock among writers; writes that were rolled back count too, which errs on the safe side.
    func forward() -> [SQL] {
        let (p, twin) = (column.column, column.twin)
        let cleared = ([twin] + column.indexes.map(\.column)).map { "NEW.\(identifier: $0) := NULL; " as SQL }
            .joined(separator: "")
        let body: SQL = """
            BEGIN
                PERFORM pg_catalog.nextval('dbpii.\(raw: column.helper)');
                IF TG_OP = 'UPDATE' THEN \(cleared)END IF;
                RETURN NEW;
            END
            """
        let others = Set(column.indexes.flatMap { $0.with ?? [] }).sorted()
        let changed =
            (["\(column.exact("old")) IS DISTINCT FROM \(column.exact("new"))"] as [SQL])
            + others.map { "\(column.exact("old", $0)) IS DISTINCT FROM \(column.exact("new", $0))" }
        let update: SQL = """
            (\(changed.joined(separator: " OR "))) AND "new".\(identifier: twin) IS NOT DISTINCT FROM "old".\(identifier: twin)
                AND ("new".\(identifier: p) IS NOT NULL OR "new".\(identifier: twin) IS NOT NULL)
            """
        let insert: SQL = """
            "new".\(identifier: p) IS NOT NULL AND "new".\(identifier: twin) IS NULL
            """
        return make(body, insert: insert, update: update, of: [p] + others)
    }

    /// On the way back, when the twin counts: a write of it without the plaintext clears the plaintext.
    func backward() -> [SQL] {
        let (p, twin) = (column.column, column.twin)
        let body: SQL = """
            BEGIN
                PERFORM pg_catalog.nextval('dbpii.\(raw: column.helper)');
                IF TG_OP = 'UPDATE' THEN NEW.\(identifier: p) := NULL; END IF;
                RETURN NEW;
            END
            """
        let update: SQL = """
            "new".\(identifier: twin) IS DISTINCT FROM "old".\(identifier: twin)
                AND \(column.exact("new")) IS NOT DISTINCT FROM \(column.exact("old"))
                AND ("new".\(identifier: twin) IS NOT NULL OR "new".\(identifier: p) IS NOT NULL)
            """
        let insert: SQL = """
            "new".\(identifier: twin) IS NOT NULL AND "new".\(identifier: p) IS NULL
            """
        return make(body, insert: insert, update: update, of: [twin])
    }

    func drop() -> [SQL] {
        names.map { "DROP TRIGGER IF EXISTS \(identifier: $0) ON \(identifier: column.path)" as SQL } + [
            "DROP FUNCTION IF EXISTS \(identifier: function)()", "DROP FUNCTION IF EXISTS \(identifier: rowFunction)()",
            "DROP SEQUENCE IF EXISTS \(identifier: function)",
        ]
    }

    /// The same triggers for changed indexes; the counter goes on.
    func replacement() -> [SQL] {
        Array(drop().dropLast()) + Array(forward().dropFirst())
    }

    /// ENABLE ALWAYS, so that rows that arrive by replication are seen too; each partition has its own switch.
    func enable(on connection: Connection) async throws {
        let rows = try await connection.query(
            """
            SELECT n.nspname AS schema, c.relname AS table, t.tgname AS name
            FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE t.tgname = ANY (\(names)) AND t.tgfoid IN (
                pg_catalog.to_regproc(\("dbpii.\(column.helper)")),
                pg_catalog.to_regproc(\("dbpii.\(column.helper)_row")))
            """)
        for row in rows {
            let path: [String] = [try row["schema"], try row["table"]]
            let name: String = try row["name"]
            try await connection.execute("ALTER TABLE \(identifier: path) ENABLE ALWAYS TRIGGER \(identifier: name)")
        }
    }

    private var rowFunction: [String] { ["dbpii", column.helper + "_row"] }

    private func make(_ body: SQL, insert: SQL, update: SQL, of columns: [String]) -> [SQL] {
        var statements: [SQL] = [
            "CREATE SEQUENCE \(identifier: function)",
            self.function(function, body),
            """
            CREATE TRIGGER \(identifier: names[0]) BEFORE INSERT ON \(identifier: column.path) FOR EACH ROW
                WHEN (\(insert)) EXECUTE FUNCTION \(identifier: function)()
            """,
            """
            CREATE TRIGGER \(identifier: names[1]) BEFORE \(event(columns)) ON \(identifier: column.path) FOR EACH ROW
                WHEN (\(update)) EXECUTE FUNCTION \(identifier: function)()
            """,
        ]
        if let row = column.rowColumn {
            let refusal: SQL = """
                BEGIN
                    RAISE EXCEPTION 'the uuid of a row that encrypted values are bound to cannot be changed'
                        USING ERRCODE = 'integrity_constraint_violation';
                END
                """
            statements += [
                self.function(rowFunction, refusal),
                """
                CREATE TRIGGER \(identifier: names[2]) BEFORE \(event([row])) ON \(identifier: column.path) FOR EACH ROW
                    WHEN ("old".\(identifier: row) IS DISTINCT FROM "new".\(identifier: row)
                        AND "new".\(identifier: column.twin) IS NOT NULL)
                    EXECUTE FUNCTION \(identifier: rowFunction)()
                """,
            ]
        }
        return statements
    }

    /// Runs as its owner: whoever writes the table needs no right on the schema dbpii.
    private func function(_ path: [String], _ body: SQL) -> SQL {
        let text: String
        do { text = try body.text() } catch { return body }
        return """
            CREATE FUNCTION \(identifier: path)() RETURNS pg_catalog.trigger LANGUAGE plpgsql SECURITY DEFINER
                SET search_path = pg_catalog, pg_temp AS \(literal: text)
            """
    }
}
