import AuditLog
import Console
import Cryptography
import Platform
import SystemPackage

extension ReportWork {
    /// Makes an evidence folder, whole or not at all.
    func pack(to folder: FilePath) throws -> WrittenReport {
        let parent = folder.removingLastComponent()
        let temporary = try Files.makeTemporaryDirectory(in: parent.isEmpty ? "." : parent, prefix: ".evidence")
        do {
            let written = try fill(temporary)
            try Files.rename(temporary, to: folder)
            return WrittenReport(
                path: folder.string, acts: written.acts, shown: written.shown, failures: written.failures,
                findings: written.findings, intact: written.intact, bytes: written.bytes)
        } catch {
            try? Files.removeTree(temporary)
            throw error
        }
    }

    private func fill(_ folder: FilePath) throws -> WrittenReport {
        let report = try make()
        let page = AuditPage.html(of: report)
        try Files.write(page, to: folder.appending("report.html"))
        try Files.write(report.json() + [UInt8(ascii: "\n")], to: folder.appending("report.json"))
        _ = try stream(.csv, to: folder.appending("records.csv"))
        let evidence = try EvidencePack.write(reader, filter, to: folder)
        try Files.write(EvidencePack.verifier, to: folder.appending("verify.py"))
        if let key = key ?? (try? reader.folder.readVerifierKey()) {
            try Files.write(Array("\(key)\n".utf8), to: folder.appending("log.vkey"))
        }
        try Files.write(Array(EvidencePack.readMe(records: evidence).utf8), to: folder.appending("README.txt"))
        let proofs = folder.appending("proofs")
        let names = try Files.list(folder).filter { $0 != "proofs" }
        let proofNames = Files.exists(proofs) ? try Files.list(proofs).map { "proofs/\($0)" } : []
        let sums = try (names + proofNames).map { name in
            "\(try Self.hash(folder.appending(name)).hex)  \(name)\n"
        }
        try Files.write(Array(sums.joined().utf8), to: folder.appending("SHA256SUMS"))
        return WrittenReport(
            path: nil, acts: report.total, shown: report.shown, failures: report.failures, findings: report.findings,
            intact: report.isIntact, bytes: page.count)
    }

    /// A part at a time: the records of a whole log may be many gigabytes.
    private static func hash(_ path: FilePath) throws -> Digest {
        let reader = try PartReader(path)
        var (hash, offset) = (SHA256(), 0)
        while true {
            let bytes = try reader.read(offset..<offset + 1 << 20)
            if bytes.isEmpty { return hash.finish() }
            hash.update(bytes.span)
            offset += bytes.count
        }
    }
}
