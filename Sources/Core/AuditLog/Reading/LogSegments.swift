import Platform
package import SystemPackage

extension LogFolder {
    /// The files that hold records, oldest first; where some are gone, the others are read nevertheless.
    package var bodies: [FilePath] {
        get throws {
            try Files.list(path).compactMap { name -> (number: Int, path: FilePath)? in
                guard name.hasPrefix("log-"), name.hasSuffix(".jsonl") else { return nil }
                return Int(name.dropFirst(4).dropLast(6)).map { ($0, path.appending(name)) }
            }.sorted { $0.number < $1.number }.map(\.path)
        }
    }
}

/// A part of one file of the log, small enough to share the work out and large enough to be worth it.
struct LogPiece: Sendable {
    let file: FilePath
    let range: Range<Int>

    /// All of the log, or what follows a place in it, in order.
    static func all(
        of folder: LogFolder, size: Int = 32 << 20, from place: ReadingPlace? = nil
    ) throws -> [LogPiece] {
        try folder.bodies.flatMap { file -> [LogPiece] in
            let length = try FileIdentity(of: file).size
            var start = 0
            if let place {
                if file.string < place.file.string, file != place.file { return [] }
                if file == place.file { start = min(place.offset, length) }
            }
            return stride(from: start, to: length, by: size).map {
                LogPiece(file: file, range: $0..<min(length, $0 + size))
            }
        }
    }
}

/// A place between two records.
package struct ReadingPlace: Equatable, Sendable {
    package var file: FilePath
    package var offset: Int

    package init(file: FilePath, offset: Int) {
        self.file = file
        self.offset = offset
    }
}
