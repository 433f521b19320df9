import Cryptography
import FoundationEssentials
import Platform

extension AuditRecord {
    /// - Throws: `AuditFailure.inconsistent` unless the line is a record of a version known here.
    package init(parsing line: Span<UInt8>) throws {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(line.count)
        bytes.append(line)
        let decoder = JSONDecoder()
        guard String(validating: bytes, as: UTF8.self) != nil,
            let record = try? decoder.decode(AuditRecord.self, from: Data(bytes))
        else {
            let version = try? decoder.decode(Versioned.self, from: Data(bytes)).v
            if let version, !Self.readableVersions.contains(version) { throw AuditFailure.unknownVersion(version) }
            throw AuditFailure(.inconsistent, "not a record")
        }
        guard Self.readableVersions.contains(record.v) else { throw AuditFailure.unknownVersion(record.v) }
        self = record
    }

    private struct Versioned: Decodable {
        let v: Int
    }
}

extension AuditTarget {
    func encode(into line: inout JSONLine) {
        line.member("backup", backup)
        line.member("cluster", cluster)
        line.member("database", database)
        line.member("object", object)
        line.member("system", system)
    }
}
