import Cryptography
import Platform
import SystemPackage

/// Whose sensitive values are to be erased.
package enum RedactionSubject: Equatable, Sendable {
    /// Everything of the records that hold this value.
    case value(String)
    /// Everything of one record.
    case record(Int)
}

extension AuditLog {
    /// The records that hold sensitive values of a subject.
    package func records(about subject: RedactionSubject) throws -> [Int] {
        let keys = try ValuesKeys.read(folder)
        return try folder.segments().flatMap { try matches(subject, in: $0, keys).map(\.seq) }.sorted()
    }

    /// Erases the sensitive values of a subject for good; the records keep their commitments, so every proof still holds.
    ///
    /// What is left of a file is sealed anew under a new key and the old key is destroyed: copies of the old file, in
    /// backups too, open to nobody any more who does not have a copy of that key.
    ///
    /// - Returns: the records whose values are gone.
    package func redact(_ subject: RedactionSubject) throws -> [Int] {
        try writing { _ in
            var keys = try ValuesKeys.read(folder)
            var erased: [Int] = []
            for segment in try folder.segments() {
                let matching = try matches(subject, in: segment, keys)
                guard !matching.isEmpty else { continue }
                let gone = Set(matching.map(\.id))
                let old = keys.keys[segment.number] ?? []
                let new = try keys.renew(segment.number, folder)
                var rest: [UInt8] = []
                for row in try rows(of: segment) where !gone.contains(row.id) {
                    // One that does not open is nobody's any more.
                    guard let values = row.open(old, origin: verifier.name) else { continue }
                    rest += try SealedValues(row, opened: values).encoded(new, origin: verifier.name) + [lineFeed]
                }
                try Files.write(rest, to: segment.values)
                try keys.forget(segment.number, keepingNewest: true, folder)
                erased += matching.map(\.seq)
            }
            return erased.sorted()
        }
    }

    private func matches(
        _ subject: RedactionSubject, in segment: LogSegment, _ keys: ValuesKeys
    ) throws -> [SensitiveRow] {
        try rows(of: segment).filter { row in
            switch subject {
            case .record(let seq): return row.seq == seq
            case .value(let value):
                let opened = row.open(keys.keys[segment.number] ?? [], origin: verifier.name)
                return opened?.values.contains { $0.value == value } ?? false
            }
        }
    }

    private func rows(of segment: LogSegment) throws -> [SensitiveRow] {
        guard Files.exists(segment.values) else { return [] }
        var rows: [SensitiveRow] = []
        let splitter = LineSplitter { line in
            if let row = SensitiveRow(parsing: line) { rows.append(row) }
        }
        try copy(from: segment.values, into: splitter)
        return rows
    }
}
