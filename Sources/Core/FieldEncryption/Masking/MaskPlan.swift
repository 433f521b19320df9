import Platform
import PostgresClient

/// What masking is told about one column, or one key inside of a JSON column.
package struct MaskOrder: Sendable, Equatable {
    package let schema: String
    package let table: String
    package let column: String
    package let path: [String]
    package let rule: MaskRule

    package init(schema: String, table: String, column: String, path: [String] = [], rule: MaskRule) {
        (self.schema, self.table, self.column, self.path, self.rule) = (schema, table, column, path, rule)
    }

    /// Reads `public.users.email=email`, or `users.data.contact.mail=email` for a key in JSON, whose table is in `public`
    /// unless a schema of that name is known.
    package init?(_ text: String, schemas: Set<String>) {
        guard let equals = text.firstIndex(of: "="), let rule = MaskRule(String(text[text.index(after: equals)...]))
        else {
            return nil
        }
        var parts = text[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 2, !parts.contains("") else { return nil }
        let isQualified = parts.count > 2 && schemas.contains(parts[0])
        let schema = isQualified ? parts.removeFirst() : "public"
        self.init(schema: schema, table: parts[0], column: parts[1], path: Array(parts.dropFirst(2)), rule: rule)
    }

    var place: String { ([schema, table, column] + path).joined(separator: ".") }
}

/// A table of the copy, and what is done to its columns.
struct MaskedTable: Sendable {
    struct Column: Sendable {
        let name: String
        let type: String
        let isArray: Bool
        let isRequired: Bool
        let isGenerated: Bool
        let isUnique: Bool
        let limit: Int?
        var rule: MaskRule?
        /// Rules for keys inside of JSON.
        var paths: [[String]: MaskRule] = [:]

        var isMasked: Bool { (rule != nil && rule != .keep) || paths.contains { $0.value != .keep } }
    }

    let oid: UInt32
    let schema: String
    let name: String
    let isPartitioned: Bool
    var columns: [Column] = []

    var place: String { "\(schema).\(name)" }
    /// What is copied: what is generated is made anew.
    var copied: [Column] { columns.filter { !$0.isGenerated } }
}

/// Brings orders and database together: every column that belongs to an ordered one by a foreign key gets its rule too, and
/// what cannot work is refused before a row is read.
struct MaskPlanning {
    private(set) var tables: [MaskedTable]
    private let references: [(from: [String], to: [String])]

    static func read(_ connection: Connection) async throws -> MaskPlanning {
        var tables: [MaskedTable] = []
        for row in try await connection.query(
            SQL(raw: String(decoding: PackageResources.mask_columns_sql, as: UTF8.self)))
        {
            let oid: UInt32 = try row["table_oid"]
            if tables.last?.oid != oid {
                tables.append(
                    MaskedTable(
                        oid: oid, schema: try row["schema"], name: try row["table_name"],
                        isPartitioned: try row["kind"] as String == "p"))
            }
            tables[tables.count - 1].columns.append(
                MaskedTable.Column(
                    name: try row["column_name"], type: try row["type"], isArray: try row["is_array"],
                    isRequired: try row["is_required"], isGenerated: try row["is_generated"],
                    isUnique: try row["is_unique"], limit: try row["max_length"]))
        }
        let rows = try await connection.query(
            SQL(raw: String(decoding: PackageResources.mask_references_sql, as: UTF8.self)))
        let references = try rows.map { row -> (from: [String], to: [String]) in
            (
                [try row["schema"], try row["table_name"], try row["column_name"]],
                [try row["to_schema"], try row["to_table"], try row["to_column"]]
            )
        }
        return MaskPlanning(tables: tables, references: references)
    }

    private func index(of place: [String]) -> (Int, Int)? {
        guard let table = tables.firstIndex(where: { $0.schema == place[0] && $0.name == place[1] }),
            let column = tables[table].columns.firstIndex(where: { $0.name == place[2] })
        else { return nil }
        return (table, column)
    }

    /// - Throws: status 65 for a column that is not there, or a rule that its type or a constraint does not allow.
    mutating func apply(_ orders: [MaskOrder]) throws {
        for order in orders {
            guard let (table, column) = index(of: [order.schema, order.table, order.column]) else {
                // What stays as it is may be a materialized view's, which is made anew of masked rows.
                if order.rule == .keep { continue }
                throw PlainFailure(
                    .malformed, "the column \(order.place) is in the plan and not in the database",
                    hint: "scan again: a plan that does not fit would leave a column as it is")
            }
            if order.path.isEmpty {
                tables[table].columns[column].rule = order.rule
            } else {
                tables[table].columns[column].paths[order.path] = order.rule
            }
        }
        try follow()
        for table in tables {
            for column in table.columns { try check(column, of: table) }
        }
    }

    /// Rules go along foreign keys in both directions until nothing changes.
    private mutating func follow() throws {
        var isMoving = true
        while isMoving {
            isMoving = false
            for reference in references {
                guard let one = index(of: reference.from), let other = index(of: reference.to) else { continue }
                let (left, right) = (tables[one.0].columns[one.1].rule, tables[other.0].columns[other.1].rule)
                guard left != right else { continue }
                guard left == nil || right == nil else {
                    throw PlainFailure(
                        .malformed,
                        "\(reference.from.joined(separator: ".")) and \(reference.to.joined(separator: ".")) are joined by a foreign key and have the rules \(left?.name ?? "") and \(right?.name ?? "")",
                        hint: "give both the same")
                }
                if left == nil {
                    tables[one.0].columns[one.1].rule = right
                } else {
                    tables[other.0].columns[other.1].rule = left
                }
                isMoving = true
            }
        }
        // A name out of a list is no unique one; joined columns must agree, so that it goes by the set.
        for table in tables.indices {
            for column in tables[table].columns.indices where tables[table].columns[column].rule == .name {
                if tables[table].columns[column].isUnique {
                    replace([tables[table].schema, tables[table].name, tables[table].columns[column].name])
                }
            }
        }
    }

    /// Gives a column and all that are joined to it the rule `shape`.
    private mutating func replace(_ place: [String]) {
        guard let (table, column) = index(of: place), tables[table].columns[column].rule == .name else { return }
        tables[table].columns[column].rule = .shape
        for reference in references {
            if reference.from == place { replace(reference.to) }
            if reference.to == place { replace(reference.from) }
        }
    }

    private static let texts: Set<String> = ["text", "varchar", "bpchar", "citext", "name"]

    private func check(_ column: MaskedTable.Column, of table: MaskedTable) throws {
        func refuse(_ why: String, _ hint: String) -> PlainFailure {
            PlainFailure(.malformed, "\(table.place).\(column.name) cannot be masked so: \(why)", hint: hint)
        }
        if !column.paths.isEmpty, !column.type.hasPrefix("json") {
            throw refuse("it has type \(column.type), and a key inside of it is named", "name the column alone")
        }
        guard let rule = column.rule else { return }
        if column.isGenerated {
            guard rule == .keep else { throw refuse("it is generated", "mask the columns that it is made of") }
        }
        switch rule {
        case .null where column.isRequired: throw refuse("it is NOT NULL", "choose another rule, or fixed:TEXT")
        case .keep, .null, .fixed: return
        case .bytes where column.type != "bytea": throw refuse("the rule bytes is for bytea", "choose shape")
        default: break
        }
        switch column.type {
        case "bytea" where rule != .bytes: throw refuse("it is bytea", "choose bytes")
        case "enum", "bool", "json", "jsonb", "xml", "point", "interval", "tsvector", "money", "bit", "varbit", "time",
            "timetz":
            throw refuse(
                "\(rule.name) does not know how to make values of type \(column.type)",
                column.type.hasPrefix("json")
                    ? "name the keys inside, or choose null" : "choose null, keep or fixed:TEXT")
        default: break
        }
        let needsText: [MaskRule] = [.email, .iban, .name]
        if needsText.contains(rule), !Self.texts.contains(column.type) {
            throw refuse("\(rule.name) is for text, and it has type \(column.type)", "choose shape")
        }
    }

    /// Every `bytea` beside an encrypted field is replaced too: fields, and their indexes, which equal values share.
    mutating func maskFields(_ connection: Connection) async throws {
        for table in tables.indices {
            let bytea = tables[table].columns.indices.filter {
                tables[table].columns[$0].type == "bytea" && !tables[table].columns[$0].isArray
                    && !tables[table].columns[$0].isGenerated && tables[table].columns[$0].rule == nil
            }
            guard !bytea.isEmpty else { continue }
            let checks = bytea.map { index -> SQL in
                let name = tables[table].columns[index].name
                return """
                    COALESCE((SELECT pg_catalog.bool_and(pg_catalog.length(v) >= 50 AND pg_catalog.get_byte(v, 0) IN (1, 2))
                      FROM (SELECT \(identifier: name) AS v FROM \(identifier: [tables[table].schema, tables[table].name])
                            WHERE \(identifier: name) IS NOT NULL AND pg_catalog.length(\(identifier: name)) > 0 LIMIT 100) s), false)
                    """
            }
            let row = try await connection.query("SELECT \(checks.joined())").one()
            let fields: [Bool] = try bytea.indices.map { try row[$0] }
            guard fields.contains(true) else { continue }
            for index in bytea { tables[table].columns[index].rule = .bytes }
        }
    }
}
