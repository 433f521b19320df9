import Platform

/// What stands before the data of an archive, byte by byte as pg_dump wrote it.
///
/// Whoever hands pg_restore another table of contents takes it from here: names and definitions come in the database's own
/// encoding, so that nothing may be decoded and encoded again that is not changed.
struct ArchiveFront: Sendable {
    let toc: ArchiveTOC
    let entries: [RawEntry]
    let integerSize: Int
    private let header: [UInt8]
    private let hasRelkind: Bool

    /// - Parameter bytes: an archive's first bytes, at least to the end of its table of contents.
    init(reading bytes: [UInt8]) throws {
        do {
            var fields = ArchiveFields(bytes: bytes, position: 0, integerSize: 4, stringLimit: bytes.count)
            let header = try ArchiveHeader(&fields)
            integerSize = header.integerSize
            hasRelkind = header.formatMinor >= 16
            // The number of entries ends the header.
            self.header = Array(bytes[..<(fields.position - 1 - integerSize)])
            var read: [ArchiveTOC.Entry] = []
            var raw: [RawEntry] = []
            for _ in 0..<header.entryCount {
                let start = fields.position
                read.append(try ArchiveTOC.Entry(&fields, header: header))
                fields.position = start
                raw.append(try RawEntry(&fields, header: header))
            }
            entries = raw
            toc = ArchiveTOC(
                formatMinor: header.formatMinor, databaseName: header.databaseName,
                serverVersion: header.serverVersion, dumpVersion: header.dumpVersion, entries: read)
        } catch ArchiveFields.Problem.malformed(let problem) {
            throw PlainFailure.archive(problem)
        } catch ArchiveFields.Problem.short {
            throw PlainFailure.archive("its table of contents is cut off")
        }
    }

    /// The front of an archive with this server, time and encoding, and with these entries.
    func bytes(with entries: [RawEntry]) -> [UInt8] {
        var bytes = header
        bytes.appendNumber(entries.count, size: integerSize)
        for entry in entries { entry.write(to: &bytes, integerSize: integerSize, hasRelkind: hasRelkind) }
        return bytes
    }
}

/// An entry of a table of contents with its texts as they stand.
struct RawEntry: Sendable {
    var number: Int
    private var hasData: Int
    /// Table's object id, own object id, tag and kind.
    private var names: [[UInt8]?]
    private var section: Int
    private var definition: [UInt8]?
    /// What drops it, what copies its rows, schema, tablespace, access method.
    private var further: [[UInt8]?]
    private var relkind: Int
    private var owner: [UInt8]?
    private var withOIDs: [UInt8]?
    private var dependencies: [[UInt8]]
    private var offset: [UInt8]

    init(_ fields: inout ArchiveFields, header: ArchiveHeader) throws(ArchiveFields.Problem) {
        number = try fields.integer()
        hasData = try fields.integer()
        names = []
        for _ in 0..<4 { names.append(try fields.rawString()) }
        section = try fields.integer()
        definition = try fields.rawString()
        further = []
        for _ in 0..<5 { further.append(try fields.rawString()) }
        relkind = header.formatMinor >= 16 ? try fields.integer() : 0
        owner = try fields.rawString()
        withOIDs = try fields.rawString()
        dependencies = []
        while let dependency = try fields.rawString() { dependencies.append(dependency) }
        let start = fields.position
        try fields.offset(size: header.offsetSize)
        offset = Array(fields.bytes[start..<fields.position])
    }

    /// The same object with another owner or in other words.
    ///
    /// - Throws: status 65 when the words cannot be said in the dump's encoding.
    func replacing(owner: String, definition: String) throws -> RawEntry {
        var copy = self
        copy.owner = try Self.encoded(owner, as: self.owner)
        copy.definition = try Self.encoded(definition, as: self.definition)
        return copy
    }

    /// Another archive's entry, numbered as one of this archive.
    func renumbered(_ number: Int, dependingOn others: [Int]) -> RawEntry {
        var copy = self
        copy.number = number
        copy.dependencies = others.map { Array(String($0).utf8) }
        return copy
    }

    func write(to bytes: inout [UInt8], integerSize: Int, hasRelkind: Bool) {
        func number(_ value: Int, _ bytes: inout [UInt8]) { bytes.appendNumber(value, size: integerSize) }
        func text(_ value: [UInt8]?, _ bytes: inout [UInt8]) {
            number(value?.count ?? -1, &bytes)
            bytes += value ?? []
        }
        number(self.number, &bytes)
        number(hasData, &bytes)
        for name in names { text(name, &bytes) }
        number(section, &bytes)
        text(definition, &bytes)
        for value in further { text(value, &bytes) }
        if hasRelkind { number(relkind, &bytes) }
        text(owner, &bytes)
        text(withOIDs, &bytes)
        for dependency in dependencies { text(dependency, &bytes) }
        text(nil, &bytes)
        bytes += offset
    }

    /// Text in the encoding of the bytes that it replaces, which `ArchiveFields.string` read as UTF-8 or else byte by byte.
    private static func encoded(_ text: String, as old: [UInt8]?) throws -> [UInt8] {
        guard let old, String(validating: old, as: UTF8.self) == nil else { return Array(text.utf8) }
        return try text.unicodeScalars.map { scalar in
            guard let byte = UInt8(exactly: scalar.value) else {
                throw PlainFailure(.malformed, "\"\(scalar)\" cannot be written in the encoding of the dump")
            }
            return byte
        }
    }
}

extension ArchiveFields {
    fileprivate mutating func rawString() throws(Problem) -> [UInt8]? {
        let length = try integer()
        if length < 0 { return nil }
        guard position + length <= bytes.count else { throw .short(needed: position + length) }
        defer { position += length }
        return Array(bytes[position..<position + length])
    }
}

extension [UInt8] {
    /// A number as archives write it: its sign, then its size in bytes, least significant first.
    mutating func appendNumber(_ value: Int, size: Int) {
        append(value < 0 ? 1 : 0)
        let magnitude = UInt64(value.magnitude)
        for index in 0..<size { append(index < 8 ? UInt8(truncatingIfNeeded: magnitude >> (8 * UInt64(index))) : 0) }
    }
}
