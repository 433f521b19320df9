package import Platform

/// A statement that remembers how each part of it was made, so that a value can never become code.
///
///     let sql: SQL = "SELECT oid FROM pg_roles WHERE rolname = \(name)"           // bound as $1
///     let ddl: SQL = "GRANT SELECT ON \(identifier: [schema, table]) TO \(identifier: role)"
///     let set: SQL = "ALTER ROLE \(identifier: role) SET work_mem = \(literal: "64MB")"
///
/// Only a literal in our own source, or text behind the label `raw:`, is taken as it is.
package struct SQL: ExpressibleByStringInterpolation, Sendable {
    fileprivate enum Piece: Sendable {
        case text(String)
        case value(BoundValue)
        /// Met where nothing can be thrown; thrown when the statement is used.
        case refused(PlainFailure)
    }

    fileprivate var pieces: [Piece]

    package init(stringLiteral text: String) {
        pieces = [.text(text)]
    }

    package init(stringInterpolation: Interpolation) {
        pieces = stringInterpolation.pieces
    }

    /// Takes text as a statement: only for text that is trusted, as an embedded query is.
    package init(raw text: String) {
        pieces = [.text(text)]
    }

    package struct Interpolation: StringInterpolationProtocol {
        fileprivate var pieces: [Piece] = []

        package init(literalCapacity: Int, interpolationCount: Int) {
            pieces.reserveCapacity(2 * interpolationCount + 1)
        }

        package mutating func appendLiteral(_ literal: String) {
            pieces.append(.text(literal))
        }

        /// A value: becomes `$1`, and travels beside the statement.
        package mutating func appendInterpolation(_ value: some SQLValue) {
            do {
                pieces.append(.value(try value.bound()))
            } catch {
                pieces.append(.refused(error))
            }
        }

        /// A value or NULL.
        package mutating func appendInterpolation<Value: SQLValue>(_ value: Value?) {
            do {
                pieces.append(.value(try value.bound()))
            } catch {
                pieces.append(.refused(error))
            }
        }

        /// A part of a statement, with the values bound in it.
        package mutating func appendInterpolation(_ fragment: SQL) {
            pieces.append(contentsOf: fragment.pieces)
        }

        /// A name, quoted.
        package mutating func appendInterpolation(identifier name: String) {
            append { () throws(PlainFailure) in try Quoting.identifier(name) }
        }

        /// A qualified name, each part quoted.
        package mutating func appendInterpolation(identifier path: [String]) {
            for (index, name) in path.enumerated() {
                if index > 0 { pieces.append(.text(".")) }
                appendInterpolation(identifier: name)
            }
        }

        /// A text in quotes, for statements which cannot bind: roles, settings, comments, policies.
        package mutating func appendInterpolation(literal text: String) {
            append { () throws(PlainFailure) in try Quoting.literal(text) }
        }

        /// Text taken as it is: for keywords and expressions that are meant to be SQL.
        package mutating func appendInterpolation(raw text: String) {
            pieces.append(.text(text))
        }

        private mutating func append(_ quoted: () throws(PlainFailure) -> String) {
            do {
                pieces.append(.text(try quoted()))
            } catch {
                pieces.append(.refused(error))
            }
        }
    }

    package static func + (left: SQL, right: SQL) -> SQL {
        var sum = left
        sum.pieces += right.pieces
        return sum
    }

    package static func += (left: inout SQL, right: SQL) {
        left.pieces += right.pieces
    }

    package var isEmpty: Bool {
        pieces.allSatisfy { if case .text(let text) = $0 { text.isEmpty } else { false } }
    }

    /// The statement with `$1`, `$2` where values are bound.
    ///
    /// - Throws: for a name or text in it that PostgreSQL cannot hold.
    package func text() throws(PlainFailure) -> String {
        try rendered().text
    }

    func rendered() throws(PlainFailure) -> (text: String, values: [BoundValue]) {
        var text = ""
        var values: [BoundValue] = []
        for piece in pieces {
            switch piece {
            case .text(let part): text += part
            case .value(let value):
                values.append(value)
                text += "$\(values.count)"
            case .refused(let failure): throw failure
            }
        }
        // libpq takes a C string: a NUL would end the statement early.
        guard !text.utf8.contains(0) else {
            throw PlainFailure(.malformed, "a statement contains a NUL character")
        }
        return (text, values)
    }
}

extension Sequence<SQL> {
    /// One statement of many parts, with `separator` between them.
    package func joined(separator: SQL = ", ") -> SQL {
        var sum: SQL = ""
        for (index, part) in enumerated() {
            if index > 0 { sum += separator }
            sum += part
        }
        return sum
    }
}
