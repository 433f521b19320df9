import AuditLog
import Testing

@Suite struct StatementTextTests {
    @Test(arguments: [
        ("SELECT * FROM t WHERE ssn = '123-45-6789' AND id = 42", "SELECT * FROM t WHERE ssn = ? AND id = ?"),
        (
            "INSERT INTO t VALUES (1, 'a''b', E'c\\'d', $$e 'f$$, $x$g$x$, U&'h')",
            "INSERT INTO t VALUES (?, ?, ?, ?, ?, U&?)"
        ),
        ("SELECT 1 -- a note about Ann\n, /* and /* Bob */ */ 2;", "SELECT ? , ?"),
        ("UPDATE \"Mixed Case\" SET x = $1 WHERE y=$2", "UPDATE \"Mixed Case\" SET x = $1 WHERE y=$2"),
        ("ALTER ROLE ann PASSWORD 'hunter2'", "ALTER ROLE ann PASSWORD ?"),
        ("ALTER ROLE ann PASSWORD hunter2", "ALTER ROLE ann PASSWORD ?"),
        ("ALTER ROLE ann PASSWORD \"hunter2\"", "ALTER ROLE ann PASSWORD ?"),
        ("ALTER ROLE ann PASSWORD NULL VALID UNTIL 'infinity'", "ALTER ROLE ann PASSWORD NULL VALID UNTIL ?"),
        ("SELECT password FROM users", "SELECT password FROM users"),
        ("SELECT 'unclosed hunter2", "SELECT ?"), ("SELECT $$unclosed hunter2", "SELECT ?"),
    ])
    func `the form of a statement has no value in it`(statement: String, form: String) {
        #expect(StatementText.redacted(statement, .form) == form)
    }

    /// `full` keeps values, but no password and no key, however it was written.
    @Test(arguments: [
        "CREATE ROLE ann LOGIN PASSWORD 'hunter2'",
        "create user ann with encrypted password 'hunter2' valid until '2027-01-01'",
        "SELECT 1; ALTER ROLE ann PASSWORT 'hunter2'", "ALTER USER ann PASSWORD E'hunter2'",
        "ALTER ROLE ann PASSWORD $$hunter2$$", "ALTR ROLE ann PASSWORD hunter2",
        "/* x */ ALTER /* y */ ROLE ann\n PASSWORD\n 'hunter2'", "ALTER ROLE ann PASSWORT 'hunter2'",
        "CREATE USER MAPPING FOR ann SERVER s OPTIONS (user 'ann', password 'hunter2')",
        "ALTER USER MAPPING FOR ann SERVER s OPTIONS (SET password 'hunter2')",
        "CREATE SUBSCRIPTION s CONNECTION 'host=h user=u password=hunter2' PUBLICATION p",
        "CREATE SERVER s FOREIGN DATA WRAPPER f OPTIONS (service_account 'hunter2')",
        "SELECT dblink_connect('c', 'host=h password=hunter2')",
        "SELECT * FROM dblink('host=h password=hunter2', 'SELECT 1') AS t(a int)",
        "SELECT pgp_sym_encrypt('data', 'hunter2')", "SELECT pgp_pub_decrypt(x, 'hunter2') FROM t",
        "SELECT encrypt(x, 'hunter2', 'aes'), hmac('a', 'hunter2', 'sha256') FROM t",
        "SELECT crypt('hunter2', gen_salt('bf'))",
        "SET app.secret = 'hunter2'", "SET app.api_key TO 'hunter2'", "COPY t FROM 'postgres://ann:hunter2@h/db'",
        "SELECT * FROM users WHERE password = 'hunter2'", "UPDATE users SET password='hunter2' WHERE id = 1",
        "SELECT 'postgresql://ann:hunter2@db1/shop'",
    ])
    func `full statements carry no password and no key`(statement: String) throws {
        let text = try #require(StatementText.redacted(statement, .full))
        #expect(!text.contains("hunter2"), "\(text)")
        let form = try #require(StatementText.redacted(statement, .form))
        #expect(!form.contains("hunter2"), "\(form)")
    }

    @Test func `full keeps other values, none keeps nothing`() {
        #expect(
            StatementText.redacted("SELECT * FROM t WHERE id = 42 AND n = 'x'", .full)
                == "SELECT * FROM t WHERE id = 42 AND n = 'x'")
        #expect(StatementText.redacted("SELECT 1", .none) == nil)
        #expect(StatementText.redacted(String(repeating: "SELECT a FROM b; ", count: 10_000), .form)?.count ?? 0 < 5000)
    }
}
