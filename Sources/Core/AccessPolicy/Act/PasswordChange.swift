import Cryptography
import PostgresClient

/// Sets a role's password so that neither the password nor its verifier shows in the server's log.
///
/// The verifier is computed here and travels as a bound value into a setting of the transaction; dynamic SQL takes it from
/// there. So `log_statement = ddl` logs nothing of it; under `all` with parameters logged it would.
struct PasswordChange {
    private let connection: Connection

    init(_ connection: Connection) {
        self.connection = connection
    }

    func set(_ password: SecretBytes, of role: String) async throws {
        let verifier = try password.withBytes { try ScramVerifier(of: $0).text }
        _ = try await connection.query(
            """
            SELECT pg_catalog.set_config('dbsec.role', \(role), true),
                   pg_catalog.set_config('dbsec.verifier', \(verifier), true)
            """)
        // An error inside would print the whole statement as its context, so it is raised again without.
        try await connection.execute(
            """
            DO $do$
            BEGIN
                EXECUTE pg_catalog.format('ALTER ROLE %I PASSWORD %L',
                    pg_catalog.current_setting('dbsec.role'), pg_catalog.current_setting('dbsec.verifier'));
                PERFORM pg_catalog.set_config('dbsec.verifier', '', true);
            EXCEPTION WHEN OTHERS THEN
                RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = SQLERRM;
            END
            $do$
            """)
    }
}
