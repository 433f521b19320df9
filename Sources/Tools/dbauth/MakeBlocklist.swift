import ArgumentParser
import Console
import Credentials
import Platform
import SystemPackage

struct MakeBlocklist: Command {
    static let configuration = CommandConfiguration.verb(
        "blocklist", "Make a small filter of a list of common passwords, which new passwords are checked against.",
        details: """
            The list has one password a line, as those that are published. The filter holds no password; it never misses one
            of the list, and takes one in ten thousand others for one of them (--rate).
            """,
        examples: ["dbauth blocklist common-passwords.txt --out /etc/dbsec/common.filter"])

    @OptionGroup var common: CommonOptions

    @Argument(help: "The list.", completion: .file())
    var list: FilePath

    @Option(help: "The file to write.", completion: .file())
    var out: FilePath

    @Option(help: "How often a password that is not on the list may be taken for one that is.")
    var rate = 0.000_1

    func run(_ context: Context) async throws -> any Report {
        let filter = try Blocklist(try Files.read(list.absolute, limit: 1 << 31), rate: rate)
        let bytes = filter.encoded
        try Files.write(bytes, to: out.absolute, mode: [.ownerReadWrite, .groupRead, .otherRead])
        return BlocklistReport(file: out.string, passwords: filter.count, bytes: bytes.count)
    }
}

private struct BlocklistReport: Report {
    let file: String
    let passwords: Int
    let bytes: Int

    var text: String { "\(file): \(Words.plural(passwords, "password")) in \(Words.size(bytes))" }
}
