import Cryptography
import Platform

/// Takes the content index from an archive that streams by.
package struct ContentIndexer: ArchiveConsumer {
    private var tables: [TableName: ContentIndex.Table] = [:]
    private var largeObjects = ContentIndex.LargeObjects()
    private var roots: [TableName: TableName]
    private let orders: [TableName: [String]]

    private enum Current {
        case nothing
        case table(TableName)
        case largeObjects
        case other
    }

    private var current = Current.nothing
    private var rowDigest = RowDigest()
    private var largeObject = SHA256()

    /// - Parameters:
    ///   - orders: The columns' order in which to take a table's digest, where the dump may have another: restoring an
    ///     inheritance child moves inherited columns to the front.
    ///   - roots: The partitioned table at the top for every partition that this dump holds rows of, where it does not hold
    ///     their definitions; those that it does hold are known from it.
    package init(orders: [TableName: [String]] = [:], roots: [TableName: TableName] = [:]) {
        self.orders = orders
        self.roots = roots
    }

    package var index: ContentIndex {
        ContentIndex(tables: tables.values.sorted { $0.name < $1.name }, largeObjects: largeObjects)
    }

    package mutating func begin(_ toc: ArchiveTOC) {
        roots.merge(toc.partitionRoots) { _, own in own }
    }

    package mutating func beginData(of entry: ArchiveTOC.Entry) throws {
        switch entry.kind {
        case "TABLE DATA": try beginTable(entry)
        case "BLOBS": current = .largeObjects
        default: current = .other
        }
    }

    package mutating func data(_ bytes: Span<UInt8>) throws {
        switch current {
        case .table: try rowDigest.take(bytes)
        case .largeObjects:
            largeObject.update(bytes)
            largeObjects.bytes += bytes.count
        case .other, .nothing: break
        }
    }

    package mutating func endData() throws {
        defer { current = .nothing }
        guard case .table(let name) = current else { return }
        try rowDigest.checkEnd()
        tables[name]?.rows += rowDigest.rows
        tables[name]?.bytes += rowDigest.bytes
        tables[name]?.digest.add(rowDigest.sum)
    }

    package mutating func beginLargeObject(_ oid: UInt32) {
        largeObject = SHA256()
        // The object's number is part of its content: rows refer to it.
        let number = withBigEndianBytes(of: oid)
        largeObject.update(number.span)
    }

    package mutating func endLargeObject() {
        largeObjects.count += 1
        largeObjects.digest.add(ContentSum(largeObject.finish()))
    }

    private mutating func beginTable(_ entry: ArchiveTOC.Entry) throws {
        guard let statement = entry.copyStatement else {
            throw PlainFailure.archive("the rows of \"\(entry.tag)\" are INSERT statements, not COPY text")
        }
        let columns = try CopyStatement(statement).columns
        let own = TableName(schema: entry.namespace ?? "", name: entry.tag)
        var name = roots[own] ?? own
        var order = tables[name]?.columns ?? orders[name] ?? columns
        if order != columns, order.sorted() != columns.sorted() {
            // Not the same columns at all: the table stands for itself, and the comparison will say so.
            (name, order) = (own, columns)
        }
        if tables[name] == nil { tables[name] = ContentIndex.Table(name: name, columns: order) }
        rowDigest = RowDigest(order: order == columns ? nil : order.compactMap { columns.firstIndex(of: $0) })
        current = .table(name)
    }
}

private func withBigEndianBytes(of number: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> UInt32($0)) }
}
