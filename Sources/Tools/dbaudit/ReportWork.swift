import AuditLog
import Console
import Cryptography
import Platform
import SystemPackage

/// Verifies, reads and writes for a report.
struct ReportWork: Sendable {
    let reader: LogReader
    let filter: RecordFilter
    let asked: String
    let rows: Int
    let key: VerifierKey?
    let kept: [SignedCheckpoint]
    let context: Context

    func write(_ format: MakeReport.Format, to out: FilePath?) throws -> WrittenReport {
        switch format {
        case .html, .json:
            let report = try make()
            let bytes = format == .html ? AuditPage.html(of: report) : report.json() + [UInt8(ascii: "\n")]
            if let out { try Files.write(bytes, to: out) } else { try StandardOutput.write(bytes) }
            return written(report, out, bytes.count)
        case .csv: return try stream(.csv, to: out)
        case .ocsf: return try stream(.ocsf, to: out)
        }
    }

    func make() throws -> AuditReport {
        let verdict = try verify()
        return try AuditReport.make(
            reader, filter, asked: asked, verdict: verdict, rows: rows, madeAt: context.now(),
            madeBy: context.environment["SUDO_USER"] ?? Account.current.name, host: Self.host,
            progress: context.progress)
    }

    private func written(_ report: AuditReport, _ out: FilePath?, _ bytes: Int) -> WrittenReport {
        WrittenReport(
            path: out?.string, acts: report.total, shown: report.shown, failures: report.failures,
            findings: report.findings, intact: report.isIntact, bytes: bytes)
    }

    func stream(_ format: ReportStream.Format, to out: FilePath?) throws -> WrittenReport {
        guard let out else {
            let sink = StandardOutputSink()
            do {
                let count = try ReportStream.write(reader, filter, as: format, into: sink)
                return WrittenReport(
                    path: nil, acts: count, shown: nil, failures: nil, findings: nil, intact: nil, bytes: 0)
            } catch let failure as FileFailure where failure.code == .brokenPipe {
                // Its reader had enough.
                return WrittenReport(
                    path: nil, acts: 0, shown: nil, failures: nil, findings: nil, intact: nil, bytes: 0)
            }
        }
        let temporary = Files.temporaryName(beside: out)
        do {
            let sink = try FileSink(creating: temporary)
            let count = try ReportStream.write(reader, filter, as: format, into: sink, progress: context.progress)
            try sink.finish()
            try Files.rename(temporary, to: out)
            try Files.syncDirectory(out.removingLastComponent())
            return WrittenReport(
                path: out.string, acts: count, shown: nil, failures: nil, findings: nil, intact: nil, bytes: sink.count)
        } catch {
            try? Files.remove(temporary)
            throw error
        }
    }

    private func verify() throws -> ReportVerdict {
        let found = try reader.verify(key: key, kept: kept, progress: context.progress)
        var verdict = ReportVerdict()
        verdict.origin = found.origin ?? "unknown"
        verdict.records = found.records
        verdict.isIntact = found.isIntact
        verdict.isComplete = found.isComplete
        verdict.level = found.level?.rawValue ?? "none"
        verdict.isKeyPinned = key != nil
        verdict.root = found.root.hex
        verdict.findings = found.findings.map { ($0.record, $0.what) }
        verdict.openActs = found.openActs.map { ($0.record, $0.action) }
        verdict.openActCount = found.openActCount
        verdict.gaps = found.gaps.map(\.what)
        verdict.notes = found.notes
        if found.pruned > 0 {
            verdict.notes.append(
                "the first \(found.pruned) records were given up by then; their hashes are still checked")
        }
        verdict.protectedRecords = found.anchor?.size
        verdict.protectedUntil = found.anchor?.until?.description
        verdict.checkpoint = (try? reader.folder.readCheckpoint().encoded) ?? ""
        verdict.verifierKey = (key ?? (try? reader.folder.readVerifierKey()))?.description ?? ""
        return verdict
    }

    private static var host: String {
        let bytes = (try? Files.read("/proc/sys/kernel/hostname", limit: 4096)) ?? []
        return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
}
