import Platform

/// An array that travels in binary, for batches of thousands of values: bytes, row addresses, transaction ids, texts.
///
/// Elements are in the server's own binary form, as a result in binary form has them, so that what was read can be sent
/// back as it came.
package struct BinaryArray: SQLValue, Sendable {
    package enum Element: Sendable {
        case bytea
        case text
        /// The address of a row version, `ctid`.
        case tid
        /// A transaction's number, as `xmin`.
        case xid

        fileprivate var type: UInt32 {
            switch self {
            case .bytea: 17
            case .text: 25
            case .tid: 27
            case .xid: 28
            }
        }

        fileprivate var arrayType: UInt32 {
            switch self {
            case .bytea: 1001
            case .text: 1009
            case .tid: 1010
            case .xid: 1011
            }
        }
    }

    package static var sqlType: UInt32 { 0 }

    package private(set) var count = 0
    /// The bytes that it will send, about.
    package var byteCount: Int { body.count }

    private let element: Element
    private var body: [UInt8] = []
    private var hasNull = false

    package init(of element: Element) {
        self.element = element
    }

    package mutating func append(_ bytes: Span<UInt8>) {
        appendNumber(UInt32(truncatingIfNeeded: bytes.count))
        body.append(bytes)
        count += 1
    }

    package mutating func append(_ bytes: [UInt8]?) {
        if let bytes {
            append(bytes.span)
        } else {
            appendNumber(.max)
            hasNull = true
            count += 1
        }
    }

    package mutating func removeAll() {
        body.removeAll(keepingCapacity: true)
        count = 0
        hasNull = false
    }

    package func bound() -> BoundValue {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(body.count + 20)
        // Dimensions, whether there are NULLs, the elements' type; then length and lower bound of the only dimension.
        for number in [1, hasNull ? 1 : 0, element.type, UInt32(count), 1] { Self.append(number, to: &bytes) }
        bytes += body
        return BoundValue(type: element.arrayType, isBinary: true, bytes: bytes)
    }

    private mutating func appendNumber(_ number: UInt32) {
        Self.append(number, to: &body)
    }

    private static func append(_ number: UInt32, to bytes: inout [UInt8]) {
        for shift in stride(from: UInt32(24), through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }
}
