import FoundationEssentials

extension AuditRecord {
    /// The record as one line, without the line feed: its exact bytes are the leaf.
    func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self))
    }

    /// - Throws: `AuditFailure.inconsistent` unless the line is a record of a version known here.
    package init(parsing line: Span<UInt8>) throws {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(line.count)
        for index in line.indices { bytes.append(line[index]) }
        let decoder = JSONDecoder()
        guard String(validating: bytes, as: UTF8.self) != nil,
            let record = try? decoder.decode(AuditRecord.self, from: Data(bytes))
        else {
            let version = try? decoder.decode(Versioned.self, from: Data(bytes)).v
            if let version, version != Self.version { throw AuditFailure.unknownVersion(version) }
            throw AuditFailure(.inconsistent, "not a record")
        }
        guard record.v == Self.version else { throw AuditFailure.unknownVersion(record.v) }
        self = record
    }

    private struct Versioned: Decodable {
        let v: Int
    }
}
