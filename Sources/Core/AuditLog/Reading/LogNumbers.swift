import Platform

extension LogReader {
    /// The records with these numbers, as far as they are there.
    package func records(numbered wanted: [Int]) throws -> [AuditRecord] {
        let numbers = Set(wanted)
        let found = try mapInParallel(LogPiece.all(of: folder), atOnce: 1) { piece in
            var records: [AuditRecord] = []
            try forEachLineBlock(of: piece.file, in: piece.range) { block, _, _ in
                var looked = 0
                forEachMatch(in: block, LineFilter(RecordFilter()), looked: &looked) { _, line in
                    guard let fields = RecordFields(line), numbers.contains(fields.seq) else { return }
                    if let record = try? AuditRecord(parsing: line) { records.append(record) }
                }
            }
            return records
        }
        return found.flatMap { $0 }
    }
}
