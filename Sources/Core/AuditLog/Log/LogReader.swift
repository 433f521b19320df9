import Platform
package import SystemPackage

/// Reads a log without its private key: for verification and search.
package struct LogReader: Sendable {
    package let folder: LogFolder

    /// - Throws: `AuditFailure.missing` (66) when there is no log here.
    package init(_ path: FilePath) throws {
        folder = LogFolder(path)
        guard try !folder.isEmptyOrAbsent else {
            throw AuditFailure(
                .missing, "there is no audit log in \(path)",
                hint: "the first privileged act makes one; --state says where the state folder is")
        }
    }

    /// The newest records that match, oldest first; a log that is damaged elsewhere is read nevertheless.
    ///
    /// - Parameter action: a code such as `backup.run`, or its first part: `backup`.
    package func records(last count: Int, action: String? = nil) throws -> LogExcerpt {
        var excerpt = LogExcerpt(records: [], matching: 0, unreadable: 0)
        let splitter = LineSplitter { line in
            guard let record = try? AuditRecord(parsing: line) else {
                excerpt.unreadable += 1
                return
            }
            if let action, record.action != action, !record.action.hasPrefix("\(action).") { return }
            excerpt.matching += 1
            excerpt.records.append(record)
            // In two steps, so that a long log costs one move of each record and not one of all.
            if excerpt.records.count >= max(1024, 2 * count) {
                excerpt.records.removeFirst(excerpt.records.count - count)
            }
        }
        for segment in try folder.segments() {
            try copy(from: segment.body, into: splitter)
        }
        excerpt.records = Array(excerpt.records.suffix(count))
        return excerpt
    }
}

/// Some records of a log.
package struct LogExcerpt: Equatable, Sendable {
    package var records: [AuditRecord]
    /// How many there are that match; `records` may hold fewer.
    package var matching: Int
    /// Lines that are no records: `verify` says which.
    package var unreadable: Int
}
