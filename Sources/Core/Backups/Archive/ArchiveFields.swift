import Platform

/// Reads the numbers and strings of an archive's header and table of contents from bytes that may still be arriving.
///
/// The layout is that of PostgreSQL's src/bin/pg_dump/pg_backup_archiver.c (ReadHead, ReadToc, ReadInt, ReadStr): a
/// number is a sign byte and `integerSize` bytes, least significant first; a string is its length, -1 for NULL, and its
/// bytes.
struct ArchiveFields {
    enum Problem: Error {
        /// The bytes end inside a field: come back when there are this many.
        case short(needed: Int)
        case malformed(String)
    }

    let bytes: [UInt8]
    var position: Int
    var integerSize: Int
    let stringLimit: Int

    mutating func byte() throws(Problem) -> UInt8 {
        guard position < bytes.count else { throw .short(needed: position + 1) }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func integer() throws(Problem) -> Int {
        let end = position + 1 + integerSize
        guard end <= bytes.count else { throw .short(needed: end) }
        guard bytes[position] <= 1 else { throw .malformed("a number has no sign") }
        var magnitude: UInt64 = 0
        for index in 0..<integerSize {
            let digit = UInt64(bytes[position + 1 + index])
            if index < 8 { magnitude |= digit << (8 * UInt64(index)) }
            if index >= 8, digit != 0 { throw .malformed("a number is too large") }
        }
        guard magnitude <= UInt64(UInt32.max) else { throw .malformed("a number is too large") }
        let isNegative = bytes[position] == 1
        position = end
        return isNegative ? -Int(magnitude) : Int(magnitude)
    }

    mutating func string() throws(Problem) -> String? {
        let start = position
        let length = try integer()
        if length < 0 { return nil }
        guard length <= stringLimit else { throw .malformed("a text of \(length) bytes") }
        guard position + length <= bytes.count else {
            let needed = position + length
            position = start
            throw .short(needed: needed)
        }
        defer { position += length }
        let text = bytes[position..<position + length]
        // Names come in the database's encoding; what is not UTF-8 is kept byte by byte, so that names stay different.
        return String(validating: text, as: UTF8.self)
            ?? String(String.UnicodeScalarView(text.map(Unicode.Scalar.init)))
    }

    /// A position in the file, which means nothing in a stream.
    mutating func offset(size: Int) throws(Problem) {
        guard position + 1 + size <= bytes.count else { throw .short(needed: position + 1 + size) }
        position += 1 + size
    }
}

/// What stands before the table of contents.
struct ArchiveHeader {
    let formatMinor: Int
    let integerSize: Int
    let offsetSize: Int
    let databaseName: String
    let serverVersion: String
    let dumpVersion: String
    let entryCount: Int

    init(_ fields: inout ArchiveFields) throws(ArchiveFields.Problem) {
        for expected in "PGDMP".utf8 {
            guard try fields.byte() == expected else { throw .malformed("it does not start with PGDMP") }
        }
        let major = try fields.byte()
        formatMinor = Int(try fields.byte())
        _ = try fields.byte()
        guard major == 1, (14...16).contains(formatMinor) else {
            throw .malformed("its format \(major).\(formatMinor) is not one of 1.14 to 1.16")
        }
        integerSize = Int(try fields.byte())
        offsetSize = Int(try fields.byte())
        guard (4...32).contains(integerSize), (4...32).contains(offsetSize) else {
            throw .malformed("its numbers have \(integerSize) and \(offsetSize) bytes")
        }
        fields.integerSize = integerSize
        guard try fields.byte() == 1 else { throw .malformed("it is not in the custom format") }
        // Format 1.15 writes the algorithm as one byte, 1.14 the level as a number.
        let compression = formatMinor >= 15 ? Int(try fields.byte()) : try fields.integer()
        guard compression == 0 else {
            throw .malformed("its data is compressed, which pg_dump's option -Z0 turns off")
        }
        // Second, minute, hour, day, month, year and daylight saving of the dump's start.
        for _ in 0..<7 { _ = try fields.integer() }
        databaseName = try fields.string() ?? ""
        serverVersion = try fields.string() ?? ""
        dumpVersion = try fields.string() ?? ""
        entryCount = try fields.integer()
        guard (0...10_000_000).contains(entryCount) else {
            throw .malformed("a table of contents of \(entryCount) entries")
        }
    }
}

extension ArchiveTOC.Entry {
    init(_ fields: inout ArchiveFields, header: ArchiveHeader) throws(ArchiveFields.Problem) {
        dumpID = try fields.integer()
        guard dumpID > 0 else { throw .malformed("entry number \(dumpID)") }
        hasData = try fields.integer() != 0
        tableOID = try Self.oid(try fields.string())
        oid = try Self.oid(try fields.string())
        tag = try fields.string() ?? ""
        kind = try fields.string() ?? ""
        let number = try fields.integer()
        guard let section = ArchiveTOC.Section(rawValue: number) else { throw .malformed("section \(number)") }
        self.section = section
        definition = try fields.string() ?? ""
        dropStatement = try fields.string() ?? ""
        copyStatement = try fields.string()
        namespace = try fields.string()
        tablespace = try fields.string()
        accessMethod = try fields.string()
        relkind = header.formatMinor >= 16 ? try fields.integer() : 0
        owner = try fields.string() ?? ""
        _ = try fields.string()  // once: WITH OIDS
        dependencies = []
        while let text = try fields.string() {
            guard let dependency = Int(text) else { throw .malformed("a dependency on \"\(text)\"") }
            dependencies.append(dependency)
        }
        try fields.offset(size: header.offsetSize)
    }

    private static func oid(_ text: String?) throws(ArchiveFields.Problem) -> UInt32 {
        guard let text, let oid = UInt32(text) else { throw .malformed("an object id \"\(text ?? "")\"") }
        return oid
    }
}
