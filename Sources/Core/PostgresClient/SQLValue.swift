package import Platform

/// A value on its way to the server: its type, where known, and its bytes, or NULL.
package struct BoundValue: Sendable {
    /// 0 lets the server infer the type from the place where the value stands.
    let type: UInt32
    let isBinary: Bool
    /// In text form without the closing NUL.
    let bytes: [UInt8]?
}

/// A type whose values can be bound in a statement.
package protocol SQLValue {
    /// The type's OID, or 0 for "as the place demands".
    static var sqlType: UInt32 { get }
    func bound() throws(PlainFailure) -> BoundValue
}

/// A type whose values can be bound in an array.
package protocol SQLArrayElement {
    static var sqlArrayType: UInt32 { get }
    static func bound(_ elements: [Self]) throws(PlainFailure) -> BoundValue
}

extension String: SQLValue, SQLArrayElement {
    package static var sqlType: UInt32 { 0 }
    package static var sqlArrayType: UInt32 { 1009 }

    package func bound() throws(PlainFailure) -> BoundValue {
        guard !utf8.contains(0) else {
            throw PlainFailure(.malformed, "a text contains a NUL character, which PostgreSQL cannot hold")
        }
        return BoundValue(type: Self.sqlType, isBinary: false, bytes: Array(utf8))
    }

    package static func bound(_ elements: [String]) throws(PlainFailure) -> BoundValue {
        guard !elements.contains(where: { $0.utf8.contains(0) }) else {
            throw PlainFailure(.malformed, "a text contains a NUL character, which PostgreSQL cannot hold")
        }
        return BoundValue(type: sqlArrayType, isBinary: false, bytes: ArrayText.write(elements))
    }
}

/// Bound typed: `has_table_privilege(oid, ...)` and its kin would otherwise take the number for a name.
extension UInt32: SQLValue, SQLArrayElement, SQLPlainNumber {
    package static var sqlType: UInt32 { 26 }
    package static var sqlArrayType: UInt32 { 1028 }
}

extension Int: SQLValue, SQLArrayElement, SQLPlainNumber {
    package static var sqlType: UInt32 { 20 }
    package static var sqlArrayType: UInt32 { 1016 }
}

extension Int64: SQLValue, SQLArrayElement, SQLPlainNumber {
    package static var sqlType: UInt32 { 20 }
    package static var sqlArrayType: UInt32 { 1016 }
}

extension Int32: SQLValue, SQLArrayElement, SQLPlainNumber {
    package static var sqlType: UInt32 { 23 }
    package static var sqlArrayType: UInt32 { 1007 }
}

extension Int16: SQLValue, SQLArrayElement, SQLPlainNumber {
    package static var sqlType: UInt32 { 21 }
    package static var sqlArrayType: UInt32 { 1005 }
}

extension Double: SQLValue, SQLArrayElement, SQLPlainNumber {
    package static var sqlType: UInt32 { 701 }
    package static var sqlArrayType: UInt32 { 1022 }
}

extension Bool: SQLValue, SQLArrayElement, SQLPlainNumber {
    package static var sqlType: UInt32 { 16 }
    package static var sqlArrayType: UInt32 { 1000 }
}

/// A type whose Swift description PostgreSQL reads as it stands.
package protocol SQLPlainNumber: SQLValue, SQLArrayElement, CustomStringConvertible {}

extension SQLPlainNumber {
    package func bound() -> BoundValue {
        BoundValue(type: Self.sqlType, isBinary: false, bytes: Array(description.utf8))
    }

    package static func bound(_ elements: [Self]) -> BoundValue {
        BoundValue(type: sqlArrayType, isBinary: false, bytes: ArrayText.write(elements.map(\.description)))
    }
}

/// An array of bytes is a `bytea`, and the only value that travels in binary.
extension UInt8: SQLArrayElement {
    package static var sqlArrayType: UInt32 { 17 }

    package static func bound(_ elements: [UInt8]) -> BoundValue {
        BoundValue(type: sqlArrayType, isBinary: true, bytes: elements)
    }
}

extension Array: SQLValue where Element: SQLArrayElement {
    package static var sqlType: UInt32 { Element.sqlArrayType }

    package func bound() throws(PlainFailure) -> BoundValue {
        try Element.bound(self)
    }
}

extension Optional: SQLValue where Wrapped: SQLValue {
    package static var sqlType: UInt32 { Wrapped.sqlType }

    package func bound() throws(PlainFailure) -> BoundValue {
        try self?.bound() ?? BoundValue(type: Wrapped.sqlType, isBinary: false, bytes: nil)
    }
}
