import Console
import Credentials
import Cryptography
import Platform
import SystemPackage

/// Where secrets come from: a file each, or else one line of standard input each, or a prompt on the terminal.
///
/// Never from an argument: every account of the machine can read those.
struct PasswordInput {
    struct Wanted {
        let prompt: String
        var file: FilePath?
        /// Asks twice on a terminal, since nobody sees a typing error.
        var isNew = false
    }

    /// What was asked for, in its order.
    static func read(_ wanted: [Wanted]) async throws -> [Password] {
        var lines: [[UInt8]]?
        var passwords: [Password] = []
        for want in wanted {
            var bytes: [UInt8]
            if let file = want.file {
                bytes = line(try Files.readSecret(file.absolute))
            } else if Terminal.isInput {
                bytes = try await Terminal.readSecret("\(want.prompt): ")
                if want.isNew {
                    var again = try await Terminal.readSecret("\(want.prompt), again: ")
                    defer { wipe(&again) }
                    guard constantTimeEqual(bytes.span, again.span) else {
                        throw PlainFailure(.malformed, "the two passwords are not the same")
                    }
                }
            } else {
                if lines == nil { lines = split(try StandardInput.read(limit: 1 << 21)) }
                guard let first = lines?.first else {
                    throw PlainFailure(
                        .malformed, "standard input ends before the \(want.prompt.lowercased())",
                        hint: "give \(Words.plural(wanted.filter { $0.file == nil }.count, "line")): "
                            + wanted.filter { $0.file == nil }.map { $0.prompt.lowercased() }.joined(separator: ", "))
                }
                bytes = first
                lines?.removeFirst()
            }
            guard String(validating: bytes, as: UTF8.self) != nil else {
                throw PlainFailure(.malformed, "the \(want.prompt.lowercased()) is not UTF-8")
            }
            passwords.append(Password(taking: &bytes))
        }
        return passwords
    }

    /// One secret.
    static func read(_ prompt: String, file: FilePath? = nil, isNew: Bool = false) async throws -> Password {
        try await read([Wanted(prompt: prompt, file: file, isNew: isNew)])[0]
    }

    /// One secret as text, for what is sent on: a token, a code.
    static func text(_ prompt: String, file: FilePath? = nil) async throws -> String {
        try await read(prompt, file: file).text
    }

    /// The first line, without its end.
    private static func line(_ bytes: [UInt8]) -> [UInt8] {
        split(bytes).first ?? []
    }

    private static func split(_ bytes: [UInt8]) -> [[UInt8]] {
        var lines = bytes.split(separator: 10, omittingEmptySubsequences: false).map(Array.init)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines.map { $0.last == 13 ? Array($0.dropLast()) : $0 }
    }
}

extension Password {
    /// For what has to travel as text: a hash, a token, a code of six digits.
    var text: String {
        secret.withBytes { bytes in String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self) }
    }
}
