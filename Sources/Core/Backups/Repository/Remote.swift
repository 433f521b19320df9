import Cryptography
package import Platform
import SystemPackage

/// A place that `rclone` reaches: an object store, a server with SFTP or WebDAV, or a folder, which it treats alike.
///
/// Its credentials are rclone's affair (`rclone config`, `RCLONE_CONFIG_*`): none ever stands in a name here, since names
/// are arguments, which every account can read.
package struct Remote: Sendable, Equatable {
    /// As rclone names it: `offsite:bucket/backups`.
    package let name: String

    /// Takes `remote:path` as it is, and a folder by its whole path.
    ///
    /// - Throws: status 64 for a name with options, among which could be a password.
    package init(_ text: String) throws(PlainFailure) {
        var name = try Self.isName(text) ? text : FilePath(text).absolute.string
        while name.hasSuffix("/"), name.count > 1 { name.removeLast() }
        self.name = name
    }

    /// Whether the text names a remote of rclone's, `remote:path`, and no folder.
    ///
    /// - Throws: status 64 when it is meant for rclone and holds more than a name.
    package static func isName(_ text: String) throws(PlainFailure) -> Bool {
        let head = text.prefix { $0 != "/" }
        guard let colon = head.firstIndex(of: ":") else { return false }
        // rclone documentation, "Valid remote names"; options would stand after a comma, or after a colon in front.
        let isPlain = head[..<colon].unicodeScalars.allSatisfy {
            $0.properties.isAlphabetic || $0.properties.numericType != nil || "_-.+@ ".unicodeScalars.contains($0)
        }
        guard colon != head.startIndex, isPlain, !head.hasPrefix("-") else {
            throw PlainFailure(
                .usage, "\"\(text)\" is no place that can be named: remote:path or /folder is expected",
                hint: "give the remote a name with rclone config; options in a name could be read by every account")
        }
        return true
    }

    /// The path of something in it.
    package func path(_ relative: String) -> String {
        name.hasSuffix(":") || name.hasSuffix("/") ? name + relative : "\(name)/\(relative)"
    }

    /// Makes a folder here hold the small files of all backups there, and none that are not there any more.
    ///
    /// What was fetched into the folder besides stays.
    ///
    /// - Returns: false when there is nothing at that place.
    func mirror(into folder: FilePath) async throws -> Bool {
        let include = Self.smallFiles.flatMap { ["--include", "/*/*/\($0)"] }
        do {
            try await rclone(
                ["sync", "--fast-list", "--transfers=16", "--checkers=16"] + include, [name, folder.string])
            return true
        } catch let failure as ChildFailure where failure.end == .exited(Self.noSuchFolder) {
            return false
        }
    }

    /// Copies one file from there into a new file here.
    ///
    /// - Parameter size: what it should have, for the progress alone.
    func fetch(_ relative: String, size: Int, to path: FilePath, progress: ProgressHandler?) async throws {
        let temporary = Files.temporaryName(beside: path)
        do {
            try await child(["cat"], [self.path(relative)]).stream { pipe in
                let sink = try FileSink(creating: temporary)
                var done = 0
                try pipe.forEachChunk { chunk in
                    try sink.write(chunk)
                    done += chunk.count
                    progress?(Progress("fetching \(relative)", bytes: done, totalBytes: size))
                }
                try sink.close()
            }
            try Files.rename(temporary, to: path)
        } catch {
            try? Files.remove(temporary)
            throw error
        }
    }

    /// Copies one file there, and reads it back: what rclone says of a copy is not what is stored.
    ///
    /// - Parameter signed: what a manifest says of the file; nil takes the file's own word.
    /// - Throws: status 74 when what comes back is something else.
    func put(
        _ path: FilePath, as relative: String, signed: Digest? = nil, progress: ProgressHandler? = nil
    ) async throws {
        let size = try Files.size(path)
        progress?(Progress("copying \(relative)", bytes: 0, totalBytes: size))
        try await rclone(["copyto", "--ignore-times"], [path.string, self.path(relative)])
        let sent = if let signed { signed } else { try await onOwnThread { try Self.hash(of: path) } }
        let stored = try await child(["cat"], [self.path(relative)]).stream { pipe in
            var hash = SHA256()
            var done = 0
            try pipe.forEachChunk { chunk in
                hash.update(chunk)
                done += chunk.count
                progress?(Progress("reading back \(relative)", bytes: done, totalBytes: size))
            }
            return hash.finish()
        }
        guard sent == stored else {
            throw PlainFailure(
                .inputOutput, "\(self.path(relative)) was read back and is not what was copied there",
                hint: "look after the storage; the copy does not count, since its signature was not written")
        }
    }

    /// Removes files from a folder there; those that are gone already are no error.
    func remove(_ names: [String], from folder: String) async throws {
        guard !names.isEmpty else { return }
        do {
            let list = Array(names.map { "\($0)\n" }.joined().utf8)
            try await child(["delete", "--files-from-raw=-"], [path(folder)]).run(input: list)
        } catch let failure as ChildFailure where failure.end == .exited(Self.noSuchFolder) {}
    }

    /// Removes folders that have become empty, where a place has such.
    func removeEmptyFolder(_ relative: String) async {
        _ = try? await rclone(["rmdirs"], [path(relative)])
    }

    /// The sizes of all files in and below a folder there, by their paths in it.
    func sizes(_ relative: String) async throws -> [String: Int] {
        Dictionary(
            try await list(relative, ["--recursive", "--fast-list", "--no-modtime"]).map { ($0.path, $0.size) },
            uniquingKeysWith: { $1 })
    }

    /// The names and sizes of what is in a folder there; nothing when there is no such folder.
    func list(_ relative: String, _ options: [String] = []) async throws -> [Entry] {
        do {
            let bytes = try await child(["lsjson", "--files-only", "--no-mimetype"] + options, [path(relative)]).run()
            return try Document.decode([Entry].self, from: bytes, named: path(relative))
        } catch let failure as ChildFailure where failure.end == .exited(Self.noSuchFolder) {
            return []
        }
    }

    /// The large files of all backups of a cluster there.
    func largeFiles(of cluster: String) async throws -> [Entry] {
        try await list(FileName.encode(cluster), ["--recursive", "--include=/*/*.age"])
    }

    /// A file as `rclone lsjson` tells of it.
    struct Entry: Decodable, Sendable {
        let path: String
        let name: String
        let size: Int
        /// When it was last written; nil where that was not asked for, or the storage does not say.
        let written: Timestamp?

        private enum CodingKeys: String, CodingKey {
            case path = "Path"
            case name = "Name"
            case size = "Size"
            case written = "ModTime"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            path = try container.decode(String.self, forKey: .path)
            name = try container.decode(String.self, forKey: .name)
            size = try container.decode(Int.self, forKey: .size)
            written = try container.decodeIfPresent(String.self, forKey: .written).flatMap { Timestamp($0) }
        }
    }

    @discardableResult
    private func rclone(_ verb: [String], _ places: [String]) async throws -> [UInt8] {
        try await child(verb, places).run()
    }

    private func child(_ verb: [String], _ places: [String]) -> Child {
        // Times are asked for in UTC.
        Child("rclone", verb + Self.patience + ["--"] + places, environment: ["TZ": "UTC"])
    }

    private static func hash(of path: FilePath) throws -> Digest {
        var hash = SHA256()
        try forEachBlock(of: path) { hash.update($0) }
        return hash.finish()
    }

    /// What is small in a backup, and all that listing and deciding need.
    private static let smallFiles = [
        Manifest.fileName, Manifest.signatureFileName, "tombstone.json", "tombstone.json.minisig", Hold.fileName,
        "proofs/*",
    ]

    /// A place that is gone is an error soon, and not after the hours that rclone would try.
    private static let patience = ["--contimeout=15s", "--timeout=60s", "--low-level-retries=3", "--retries=2"]

    // rclone documentation, "Exit code".
    private static let noSuchFolder: Int32 = 3
}
