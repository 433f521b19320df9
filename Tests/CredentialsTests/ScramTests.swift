import Credentials
import Cryptography
import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

/// Verifiers of PostgreSQL passwords against RFC 7677 and against the server itself.
@Suite(.cluster, .timeLimit(.minutes(5))) struct ScramTests {
    static let passwords = [
        "pencil", "with 'quotes' and \\ $$", "Grüße", "e\u{301}tude", "ﬁne ＡＢＣ １２", "I\u{AD}X", "a\u{A0}b\u{3000}c",
        "\u{2168}",
        "日本語パスワード", "ﾊﾟｽﾜｰﾄﾞ", "مرحبا", "\u{627}1", "a\u{627}b", "\u{200B}", "\u{7}bell", "bell\u{7}é", "emoji \u{1F511}",
        "\u{1F100}",
        "\u{FB01}\u{301}", "Å\u{212B}\u{3A9}\u{2126}", "한글 \u{1112}\u{1161}\u{11AB}", "\u{E000}private", "x\u{FFF9}y",
        "¼½", "\u{FDFA}",
        "\u{1D15E}", "a\u{340}", "\u{627}\u{FE8D}", "\u{FB1D}x", "\u{2F800}", "q\u{307}\u{323}",
        String(repeating: "long é ", count: 100),
    ]

    @Test func `RFC 7677's example comes out`() throws {
        let salt = try #require(Base64Text.decode("W22ZaJ0SNY7soEsUEjb6gQ==", padded: true))
        let verifier = try ScramVerifier(of: Array("pencil".utf8).span, salt: salt)
        #expect(
            verifier.text
                == "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        )
        #expect(ScramVerifier(verifier.text) == verifier)
    }

    @Test func `what the server makes of a password is known to be of it`() async throws {
        let connection = try await Cluster.current.connect()
        try await connection.execute("CREATE ROLE dbauth_scram_made")
        for text in Self.passwords {
            try await connection.execute("ALTER ROLE dbauth_scram_made PASSWORD \(literal: text)")
            let stored: String = try await connection.query(
                "SELECT rolpassword FROM pg_authid WHERE rolname = 'dbauth_scram_made'"
            ).one()[0]
            let verifier = try #require(ScramVerifier(stored))
            #expect(verifier.isOf(Password(text).secret), "\(text.unicodeScalars.map(\.value))")
            #expect(!verifier.isOf(Password(text + "x").secret))
        }
    }

    @Test func `a role logs in with the verifier that dbauth printed`() async throws {
        let cluster = try Cluster.current
        let connection = try await cluster.connect()
        let hba = cluster.server.folder.appending("data/pg_hba.conf")
        let before = try Files.read(hba)
        // In place: the file keeps the owner that the server runs as.
        try append("local all dbauth_scram_login scram-sha-256\n", before: before, to: hba)
        try await connection.execute("CREATE ROLE dbauth_scram_login LOGIN")
        try await connection.execute("SELECT pg_reload_conf()")
        for text in ["pencil", "Grüße ﬁ", "a 'quoted' one"] {
            let printed = try await Program.dbauth(
                ["scram", "dbauth_scram_login", "--iterations", "5000"], lines: [text])
            #expect(printed.status == 0 && printed.stdout.contains("SCRAM-SHA-256$5000:"), "\(printed.stderr)")
            try await connection.script(SQL(raw: printed.stdout))
            let parameters = cluster.parameters.with(user: "dbauth_scram_login")
            let session = try await Connection.open(parameters.with(password: text))
            #expect(try await session.query("SELECT 1").count == 1)
            await session.close()
            await #expect(throws: PostgresError.self) {
                try await Connection.open(parameters.with(password: text + "x"))
            }
        }
    }

    private func append(_ line: String, before: [UInt8], to file: FilePath) throws {
        let descriptor = try Files.open(file, .writeOnly)
        defer { try? descriptor.close() }
        try (Array(line.utf8) + before).withUnsafeBytes { _ = try descriptor.writeAll($0) }
    }

    @Test(arguments: [
        "SCRAM-SHA-256$4096:bad", "", "md5d41d8cd98f00b204e9800998ecf8427e", "SCRAM-SHA-256$0:AAAA$AAAA:AAAA", "secret",
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU",
        "SCRAM-SHA-256$+4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
    ])
    func `what is no verifier is said to be none`(text: String) async throws {
        #expect(ScramVerifier(text) == nil)
        let judged = try await Program.dbauth(["scram", "--validate", "-"], lines: [text])
        #expect(judged.status == 1 && judged.stdout.contains("no SCRAM-SHA-256 verifier"))
    }

    @Test func `matches answers yes and no`() async throws {
        try await withTemporaryFolder { folder in
            let file = folder.appending("verifier")
            let made = try await Program.dbauth(["scram"], lines: ["the password"])
            try Files.write(Array(made.stdout.utf8), to: file)
            #expect(try await Program.dbauth(["scram", "--validate", file.string]).status == 0)
            let yes = try await Program.dbauth(["scram", "--matches", file.string], lines: ["the password"])
            #expect(yes.status == 0 && yes.stdout == "yes\n")
            #expect(try await Program.dbauth(["scram", "--matches", file.string], lines: ["another"]).status == 1)
        }
    }
}
