/// How one table's rows differ between two backups of a database.
package struct TableChange: Sendable, Equatable, Encodable {
    package enum Kind: String, Sendable, Encodable {
        case appeared
        case disappeared
        /// Other rows, or other columns.
        case changed
    }

    package let table: String
    package let kind: Kind
    package let rowsBefore: Int
    package let rowsAfter: Int
    package let bytesBefore: Int
    package let bytesAfter: Int
}

extension ContentIndex {
    /// The tables whose rows are others in a later index, by name; equal ones are left out.
    package func changes(to later: ContentIndex) -> [TableChange] {
        let before = Dictionary(tables.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let after = Dictionary(later.tables.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        return Set(before.keys).union(after.keys).sorted().compactMap { name in
            let (old, new) = (before[name], after[name])
            guard old != new else { return nil }
            return TableChange(
                table: name.description, kind: old == nil ? .appeared : new == nil ? .disappeared : .changed,
                rowsBefore: old?.rows ?? 0, rowsAfter: new?.rows ?? 0, bytesBefore: old?.bytes ?? 0,
                bytesAfter: new?.bytes ?? 0)
        }
    }
}
