import CLibPQ
import Platform

/// What a query returned: the server's own buffer, read in place and freed when the last reference goes.
///
///     for row in try await connection.query("SELECT oid, rolname FROM pg_roles") {
///         let oid: UInt32 = try row["oid"]
///         let name: String = try row["rolname"]
///     }
///
/// A result never changes after libpq has made it, so that threads may share one.
package final class Rows: @unchecked Sendable, RandomAccessCollection {
    package let columns: [String]
    private let positions: [String: Int]
    private let result: OpaquePointer

    init(owning result: OpaquePointer) {
        self.result = result
        columns = (0..<PQnfields(result)).map { String(cString: PQfname(result, $0)) }
        positions = Dictionary(columns.enumerated().map { ($1, $0) }) { first, _ in first }
    }

    deinit {
        PQclear(result)
    }

    package var startIndex: Int { 0 }
    package var endIndex: Int { Int(PQntuples(result)) }
    package subscript(position: Int) -> Row { Row(rows: self, index: position) }

    /// The only row, for a query that must give exactly one.
    package func one() throws -> Row {
        guard count == 1 else {
            throw PlainFailure(.internalError, "a query that gives one row gave \(count)")
        }
        return self[0]
    }

    /// How many rows the statement touched, as its command tag says.
    package var touched: Int {
        Int(String(cString: PQcmdTuples(result))) ?? 0
    }

    /// The command tag's word, as in `ROLLBACK`.
    var tag: String {
        String(cString: PQcmdStatus(result))
    }

    /// Where the named column stands, for results of so many rows that the name should be looked up once.
    package func position(of column: String) throws -> Int {
        if let position = positions[column] { return position }
        throw PlainFailure(
            .internalError, "the query has no column \"\(column)\" but \(columns.joined(separator: ", "))")
    }

    func cell(row: Int, column: Int) throws -> Cell {
        guard row >= 0, row < endIndex, column >= 0, column < columns.count else {
            throw PlainFailure(.internalError, "the result has no row \(row), column \(column)")
        }
        let (row, column) = (CInt(row), CInt(column))
        guard PQgetisnull(result, row, column) == 0, let value = PQgetvalue(result, row, column) else {
            return Cell(bytes: nil, type: PQftype(result, column), isBinary: false)
        }
        let length = Int(PQgetlength(result, row, column))
        let bytes = UnsafeBufferPointer(
            start: UnsafeRawPointer(value).assumingMemoryBound(to: UInt8.self), count: length)
        return Cell(bytes: bytes, type: PQftype(result, column), isBinary: PQfformat(result, column) == 1)
    }
}

/// One row of a result; keeps the whole result alive.
package struct Row: Sendable {
    private let rows: Rows
    private let index: Int

    init(rows: Rows, index: Int) {
        self.rows = rows
        self.index = index
    }

    package var columns: [String] { rows.columns }

    /// The value of the named column.
    ///
    /// - Throws: when there is no such column, the value is of another type, or it is NULL and `Value` is not optional.
    package subscript<Value: SQLResult>(column: String) -> Value {
        get throws {
            try value(at: try rows.position(of: column))
        }
    }

    /// The value of the column at this position, from 0.
    package subscript<Value: SQLResult>(column: Int) -> Value {
        get throws {
            try value(at: column)
        }
    }

    /// Whether the named column is NULL.
    package func isNull(_ column: String) throws -> Bool {
        try rows.cell(row: index, column: try rows.position(of: column)).bytes == nil
    }

    /// Lends the bytes of a value as the server sent them, or nil for NULL, without a copy.
    package func withBytes<Result>(of column: Int, _ body: (Span<UInt8>?) throws -> Result) throws -> Result {
        let cell = try rows.cell(row: index, column: column)
        // The buffer belongs to `rows`, which must outlive the span.
        return try withExtendedLifetime(rows) {
            guard let bytes = cell.bytes else { return try body(nil) }
            return try body(bytes.span)
        }
    }

    /// The bytes of a value as the server sent them, nil for NULL.
    package func bytes(of column: Int) throws -> [UInt8]? {
        try withBytes(of: column) { span in
            guard let span else { return nil }
            var bytes: [UInt8] = []
            bytes.reserveCapacity(span.count)
            bytes.append(span)
            return bytes
        }
    }

    private func value<Value: SQLResult>(at column: Int) throws -> Value {
        try withExtendedLifetime(rows) {
            let cell = try rows.cell(row: index, column: column)
            if let value = Value(cell) { return value }
            // The value itself is not shown: it may be a secret.
            throw PlainFailure(
                .internalError,
                cell.bytes == nil
                    ? "column \"\(rows.columns[column])\" is NULL where a \(Value.self) is expected"
                    : "column \"\(rows.columns[column])\" (type OID \(cell.type)) does not hold a \(Value.self)")
        }
    }
}
