import FoundationEssentials
import Platform
import SystemPackage

/// Where `scripts/fetch-vectors` puts what is not ours to keep in the repository.
enum VectorFolder {
    static func path(_ name: String) throws -> FilePath {
        let path = root.appending(name)
        guard Files.exists(path) else {
            throw PlainFailure(.inputMissing, "there are no test vectors in \(path)", hint: "run scripts/fetch-vectors")
        }
        return path
    }

    /// C2SP's own age vectors when a folder with them is named, those of our generator otherwise.
    static func age() throws -> FilePath {
        if let folder = ProcessEnvironment.variables["DBSEC_AGE_VECTORS"] { return FilePath(folder) }
        return try path("age")
    }

    static var areAgeVectorsOurs: Bool { ProcessEnvironment.variables["DBSEC_AGE_VECTORS"] == nil }

    static func wycheproof<T: Decodable>(_ name: String, _ type: T.Type) throws -> T {
        let file = try Files.read(try path("wycheproof").appending(name))
        return try JSONDecoder().decode(type, from: Data(file))
    }

    private static var root: FilePath {
        if let folder = ProcessEnvironment.variables["DBSEC_VECTORS"] { return FilePath(folder) }
        var path = FilePath(#filePath)
        for _ in 0..<4 { path.removeLastComponent() }
        return path.appending(".build-vectors")
    }
}
