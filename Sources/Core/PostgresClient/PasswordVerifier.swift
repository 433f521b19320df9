import CLibPQ
package import Platform

/// Makes what the server stores in place of a password, here, so that the password itself never travels.
package enum PasswordVerifier {
    /// A SCRAM-SHA-256 verifier with a fresh salt; libpq prepares the text (SASLprep) as it does at every login.
    package static func scram(of password: Span<UInt8>) throws(PlainFailure) -> String {
        // libpq wants a connection object for its error text only; this one never reaches a server.
        guard let handle = PQconnectStart("host=/ connect_timeout=1") else {
            throw PlainFailure(.temporary, "out of memory while computing a password verifier")
        }
        defer { PQfinish(handle) }
        // One copy, with the NUL that C wants; wiped at once.
        var copy = (0..<password.count).map { CChar(bitPattern: password[$0]) } + [0]
        defer { for index in copy.indices { copy[index] = 0 } }
        guard !copy.dropLast().contains(0) else {
            throw PlainFailure(.malformed, "a password contains a NUL character")
        }
        guard let verifier = PQencryptPasswordConn(handle, copy, "", "scram-sha-256") else {
            throw PlainFailure(.internalError, "libpq could not compute a password verifier")
        }
        defer { PQfreemem(verifier) }
        return String(cString: verifier)
    }
}
