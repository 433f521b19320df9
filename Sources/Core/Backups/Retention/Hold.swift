package import Platform
import SystemPackage

/// The word that a backup has to stay, whatever the rules say; it can only ever keep one, so that it needs no signature.
package struct Hold: Codable, Equatable, Sendable {
    static let fileName = "hold.json"

    package var reason: String
    package var time: Timestamp

    package init(reason: String, time: Timestamp) {
        self.reason = reason
        self.time = time
    }
}

extension StoredBackup {
    /// The hold on this backup; one that cannot be read holds too.
    package var hold: Hold? {
        let path = folder.appending(Hold.fileName)
        guard Files.exists(path) else { return nil }
        let bytes = try? Files.read(path, limit: 1 << 16)
        return bytes.flatMap { try? Document.decode(Hold.self, from: $0, named: path.string) }
            ?? Hold(reason: "\(Hold.fileName) cannot be read", time: Timestamp(seconds: 0))
    }

    package func place(_ hold: Hold) throws {
        try Files.write(
            Document.encode(hold), to: folder.appending(Hold.fileName), mode: [.ownerReadWrite, .groupRead])
    }

    package func release() throws {
        try Files.remove(folder.appending(Hold.fileName))
    }
}
