import Platform
import PostgresClient
import SystemPackage
import TestSupport
import Testing

@testable import Backups

@Suite(.cluster, .database, .timeLimit(.minutes(2))) struct `The server's configuration` {
    @Test func `is in the backup when it is asked for, encrypted, with where it was`() async throws {
        let database = try Database.current
        try await withProducer { producer in
            let made = try await producer.run([database.name]) { $0.configurationFiles = true }
            let files = made.manifest.files.filter { $0.role == .configuration }
            #expect(
                files.map(\.name) == [
                    "pg_hba.conf.zst.age", "pg_ident.conf.zst.age", "postgresql.auto.conf.zst.age",
                    "postgresql.conf.zst.age", "pg_settings.json.zst.age",
                ])
            let data = try #require(await database.value("SHOW data_directory"))
            #expect(made.index.configuration?.first?.path == "\(data)/pg_hba.conf")
            #expect(try producer.open(files[0], of: made.backup) == Files.read(FilePath("\(data)/pg_hba.conf")))
            let settings = String(decoding: try producer.open(files[4], of: made.backup), as: UTF8.self)
            #expect(settings.contains("\"unix_socket_permissions\""))
            #expect(made.answer(BackupRun.Options()) == .success)
            #expect(try await producer.prover().prove(made.backup, level: .archive).proof.verdict == .equal)
        }
    }

    @Test func `is said to be missing where the role may not read it`() async throws {
        let database = try Database.current
        let role = "\(database.name)_conf"
        try await database.run("CREATE ROLE \"\(role)\" LOGIN; GRANT pg_read_all_data TO \"\(role)\"")
        try await withProducer { producer in
            let server = database.parameters.with(user: role)
            var asked = BackupRun.Options()
            asked.configurationFiles = true
            let refused = try await producer.run([database.name], server: server) { $0.configurationFiles = true }
            #expect(refused.answer(asked) == .negative)
            #expect(refused.warnings.first?.contains("GRANT pg_read_all_settings, pg_read_server_files TO") == true)
            #expect(refused.manifest.notCovered.map(\.reason) == ["this role may not read it"])
            #expect(refused.index.configuration == nil)
            // The remedy that was named is one.
            try await database.run(
                """
                GRANT pg_read_all_settings, pg_read_server_files TO "\(role)";
                GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean) TO "\(role)"
                """)
            let connection = try await Connection.open(server)
            let files = try await ConfigurationFiles.read(connection)
            await connection.close()
            // The grant of the function is for the database that it was made in.
            #expect(files.problem == nil)
            #expect(files.files.map(\.name).contains("pg_hba.conf"))
        }
    }
}
