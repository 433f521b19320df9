package import Cryptography
import Platform
package import SystemPackage

/// A folder of backups: `<repository>/<cluster>/<20261123T205011Z>/`, with a manifest whose signature is written last.
///
/// A folder without that signature is no backup, whatever else is in it.
package struct Repository: Sendable {
    package let root: FilePath
    /// Where the backups really are, when `root` is only a mirror of what is small about them.
    package let remote: Remote?
    /// Signatures that need not be checked again; nil checks all of them every time.
    package let memory: SignatureMemory?

    package init(_ root: FilePath, mirroring remote: Remote? = nil, remembering memory: SignatureMemory? = nil) {
        self.root = root
        self.remote = remote
        self.memory = memory
    }

    /// As messages call it.
    package var name: String { remote?.name ?? root.string }

    /// The clusters that have a folder here, sorted.
    package func clusters() throws -> [String] {
        guard Files.exists(root) else { return [] }
        return try Files.list(root).filter { !$0.hasPrefix(".") && Files.isDirectory(root.appending($0)) }
            .compactMap(FileName.decode).sorted()
    }

    package func folder(of cluster: String) -> FilePath {
        root.appending(FileName.encode(cluster))
    }

    /// One lock per cluster: held by a run, and by whatever removes backups.
    package func lock(of cluster: String) -> FilePath {
        folder(of: cluster).appending(".lock")
    }

    /// The complete backups of a cluster, oldest first.
    package func backups(of cluster: String) throws -> [StoredBackup] {
        try mapInParallel(try labels(of: cluster)) { try committed(cluster, $0) }.compactMap(\.self)
    }

    /// The complete backups of every cluster, oldest first within each.
    package func backups() throws -> [StoredBackup] {
        try clusters().flatMap { try backups(of: $0) }
    }

    /// The backup that a person names: a label, `cluster/label`, or `latest`.
    ///
    /// - Throws: status 66 when there is none or the name fits several.
    package func backup(named name: String, cluster: String? = nil) throws -> StoredBackup {
        let slash = name.lastIndex(of: "/")
        let wanted = slash.map { String(name[name.index(after: $0)...]) } ?? name
        let clusters = try (slash.map { String(name[..<$0]) } ?? cluster).map { [$0] } ?? clusters()
        var found: [StoredBackup] = []
        for cluster in clusters {
            if wanted == "latest" {
                guard let label = try committedLabels(of: cluster).last else { continue }
                if let newest = try committed(cluster, label) { found.append(newest) }
            } else if Timestamp(wanted) != nil, let backup = try committed(cluster, wanted) {
                found.append(backup)
            }
        }
        guard let first = found.first else {
            throw PlainFailure(
                .inputMissing, "there is no backup \"\(name)\" in \(self.name)",
                hint: "dbbackup list shows those there are")
        }
        guard found.count == 1 else {
            let choices = found.map { "\($0.cluster)/\($0.label)" }.joined(separator: ", ")
            throw PlainFailure(.inputMissing, "\"\(name)\" fits \(choices)", hint: "name it as cluster/label")
        }
        return first
    }

    func labels(of cluster: String) throws -> [String] {
        let folder = folder(of: cluster)
        guard Files.exists(folder) else { return [] }
        return try Files.list(folder).filter { Timestamp($0)?.label == $0 && Files.isDirectory(folder.appending($0)) }
    }

    /// The backups of a cluster that have been given up and not been removed yet.
    package func condemned(of cluster: String) throws -> [String] {
        try labels(of: cluster).filter { Tombstone.isIn(folder(of: cluster).appending($0)) }
    }

    /// The labels of the complete backups of a cluster, oldest first; nothing of them is read.
    func committedLabels(of cluster: String) throws -> [String] {
        try labels(of: cluster).filter { isCommitted(folder(of: cluster).appending($0)) }
    }

    func committed(_ cluster: String, _ label: String) throws -> StoredBackup? {
        let folder = folder(of: cluster).appending(label)
        return isCommitted(folder)
            ? try StoredBackup(folder: folder, cluster: cluster, label: label, memory: memory) : nil
    }

    private func isCommitted(_ folder: FilePath) -> Bool {
        Files.exists(folder.appending(Manifest.signatureFileName)) && !Tombstone.isIn(folder)
    }
}

/// A complete backup as it lies in a repository; nothing about it has been verified.
package struct StoredBackup: Sendable {
    package let folder: FilePath
    /// By the names of the folders, which the manifest must agree with.
    package let cluster: String
    package let label: String
    /// The bytes that the signature is over.
    package let manifestBytes: [UInt8]
    package let signatureBytes: [UInt8]
    private let memory: SignatureMemory?

    package init(folder: FilePath, cluster: String, label: String, memory: SignatureMemory? = nil) throws {
        self.memory = memory
        self.folder = folder
        self.cluster = cluster
        self.label = label
        // One that is gone is no more than one that is not authentic: damage to one backup is no reason to show none.
        do {
            manifestBytes = try Files.read(folder.appending(Manifest.fileName), limit: 16 << 20)
        } catch let failure as FileFailure where failure.code == .noSuchFileOrDirectory {
            manifestBytes = []
        }
        signatureBytes = try Files.read(folder.appending(Manifest.signatureFileName), limit: 1 << 14)
    }

    /// `main/20261123T205011Z`.
    package var name: String { "\(cluster)/\(label)" }

    /// What a proof names to say which backup it is about.
    package var manifestHash: Digest { SHA256.hash(manifestBytes) }

    /// - Throws: `CryptographyError` unless the key signed this content.
    func check(_ signature: [UInt8], by key: MinisignPublicKey, of content: [UInt8]) throws {
        if let memory {
            try memory.check(key, signature, of: content)
        } else {
            _ = try key.verify(signature.span, of: content.span, legacy: .refused)
        }
    }

    /// The manifest as it stands, believed or not.
    package func manifest() throws -> Manifest {
        try Manifest(reading: manifestBytes, named: "\(name)/\(Manifest.fileName)")
    }

    package func path(of file: Manifest.File) -> FilePath {
        folder.appending(file.name)
    }

    package var proofsFolder: FilePath { folder.appending("proofs") }
}

/// Names of databases and clusters as file names: letters, digits, `_`, `-` and inner dots stay, every other byte is `%XX`.
///
/// Different names have different file names, and none can leave its folder.
package enum FileName {
    package static func encode(_ name: String) -> String {
        var text: [UInt8] = []
        for byte in name.utf8 {
            if isPlain(byte) || (byte == UInt8(ascii: ".") && !text.isEmpty) {
                text.append(byte)
            } else {
                text.append(UInt8(ascii: "%"))
                text.append(contentsOf: Hex.encode([byte]).uppercased().utf8)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil for a name that `encode` does not write.
    package static func decode(_ text: String) -> String? {
        let bytes = Array(text.utf8)
        var name: [UInt8] = []
        var position = 0
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "%") {
                let digits = bytes[(position + 1)...].prefix(2)
                guard digits.count == 2, let byte = Hex.decode(String(decoding: digits, as: UTF8.self)) else {
                    return nil
                }
                name.append(contentsOf: byte)
                position += 3
            } else {
                name.append(bytes[position])
                position += 1
            }
        }
        let decoded = String(decoding: name, as: UTF8.self)
        return encode(decoded) == text ? decoded : nil
    }

    package static func dump(of database: String) -> String { "\(encode(database)).dump.zst.age" }
    /// The rows that one more pg_dump took of a database: `app.data-001.zst.age`.
    ///
    /// It ends otherwise than any dump, so that no database's name leads to it.
    package static func data(of database: String, number: Int) -> String {
        let digits = String(number)
        return "\(encode(database)).data-\(String(repeating: "0", count: max(0, 3 - digits.count)))\(digits).zst.age"
    }

    static func isData(_ name: String, of database: String) -> Bool {
        let prefix = "\(encode(database)).data-"
        guard name.hasPrefix(prefix), name.hasSuffix(".zst.age") else { return false }
        return name.dropFirst(prefix.count).dropLast(8).allSatisfy(\.isNumber)
    }

    /// `pg_hba.conf` becomes `pg_hba.conf.zst.age`.
    package static func configuration(_ name: String) -> String { "\(name).zst.age" }

    package static let globals = "globals.sql.zst.age"
    package static let index = "index.json.zst.age"

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
