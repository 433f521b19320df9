import Platform

/// Collects an archive's header and table of contents from pieces of any size.
///
/// Keeps the bytes of at most one entry besides the entries read so far, and goes on reading only when the field that
/// was cut can be complete.
struct Preamble {
    private var bytes: [UInt8] = []
    private var needed = 1
    private var header: ArchiveHeader?
    private var entries: [ArchiveTOC.Entry] = []
    private var total = 0
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    var integerSize: Int { header?.integerSize ?? 4 }

    /// Takes the next bytes; when the table of contents is complete, says how many of them are left over.
    mutating func take(_ more: Span<UInt8>) throws -> Int? {
        total += more.count
        bytes.reserveCapacity(bytes.count + more.count)
        for index in more.indices { bytes.append(more[index]) }
        guard bytes.count >= needed else {
            try checkSize()
            return nil
        }
        var fields = ArchiveFields(bytes: bytes, position: 0, integerSize: integerSize, stringLimit: limit)
        var complete = 0
        do {
            if header == nil {
                header = try ArchiveHeader(&fields)
                complete = fields.position
            }
            while let header, entries.count < header.entryCount {
                entries.append(try ArchiveTOC.Entry(&fields, header: header))
                complete = fields.position
            }
        } catch .short(let needed) {
            self.needed = needed - complete
            bytes = Array(bytes[complete...])
            try checkSize()
            return nil
        } catch .malformed(let problem) {
            throw PlainFailure.archive(problem)
        }
        let rest = bytes.count - complete
        bytes = []
        return rest
    }

    mutating func finish() throws -> ArchiveTOC {
        guard let header else { throw PlainFailure.archive("it has no header") }
        defer { entries = [] }
        return ArchiveTOC(
            formatMinor: header.formatMinor, databaseName: header.databaseName,
            serverVersion: header.serverVersion, dumpVersion: header.dumpVersion, entries: entries)
    }

    private func checkSize() throws {
        guard total <= limit else {
            throw PlainFailure.archive("its table of contents is larger than \(limit) bytes")
        }
    }
}
