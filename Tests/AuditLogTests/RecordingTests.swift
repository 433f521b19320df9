import AuditLog
import Platform
import Testing

@Suite(.timeLimit(.minutes(2))) struct RecordingTests {
    @Test func `an act stands between started and finished`() async throws {
        try await withLog { log in
            let value = try await log.recording(.backupRun, target: AuditTarget(database: "app")) { note in
                let last = try log.records.last
                #expect(last?.phase == .started)
                note.facts["rows"] = 3
                note.target.backup = "20261123T205011Z"
                return 42
            }
            #expect(value == 42)
            let (started, finished) = (try log.records[1], try log.records[2])
            #expect(started.action == "backup.run" && started.phase == .started && started.outcome == nil)
            #expect(finished.action == "backup.run" && finished.phase == .finished)
            #expect(finished.ref == started.id && finished.outcome == .success && finished.reason == nil)
            #expect(finished.target == AuditTarget(database: "app", backup: "20261123T205011Z"))
            #expect(finished.facts == ["rows": .number(3)])
        }
    }

    @Test func `a failure is on record with its sentence and status, and is thrown on`() async throws {
        try await withLog { log in
            let failure = try await failing {
                try await log.recording(.backupRun) { note in
                    note.facts["tables"] = 2
                    throw PlainFailure(.unavailable, "pg_dump is gone")
                }
            }
            #expect(failure.sentence == "pg_dump is gone" && failure.status == .unavailable)
            let finished = try #require(try log.records.last)
            #expect(finished.outcome == .failure && finished.reason == "pg_dump is gone" && finished.status == 69)
            #expect(finished.facts == ["tables": .number(2)])
        }
    }

    @Test func `somebody else's error is on record by its type alone, since it may hold anything`() async throws {
        struct Foreign: Error { let password = "hunter2" }
        try await withLog { log in
            await #expect(throws: Foreign.self) { try await log.recording(.backupRun) { _ in throw Foreign() } }
            let finished = try #require(try log.records.last)
            #expect(finished.reason == "internal error: Foreign" && finished.status == 70)
        }
    }

    @Test func `an act that answers no is a failure on record and returns all the same`() async throws {
        try await withLog { log in
            let value = try await log.recording(.backupVerify) { note in
                note.answerNo("different")
                return "report"
            }
            #expect(value == "report")
            let finished = try #require(try log.records.last)
            #expect(finished.outcome == .failure && finished.reason == "different" && finished.status == 1)
        }
    }

    @Test func `a cancelled act has its end on record`() async throws {
        try await withLog { log in
            let act = Task {
                try await log.recording(.backupRun) { _ in try await Task.sleep(for: .seconds(60)) }
            }
            while try log.records.count < 2 { await Task.yield() }
            act.cancel()
            await #expect(throws: CancellationError.self) { try await act.value }
            let finished = try #require(try log.records.last)
            #expect(finished.phase == .finished && finished.outcome == .failure)
            #expect(finished.reason == "interrupted" && finished.status == 130)
            #expect(try log.verify().isComplete)
        }
    }

    @Test func `when started cannot be written, nothing is done`() async throws {
        try await withLog { log in
            try block(log)
            var isDone = false
            let failure = try await failing { try await log.recording(.backupRun) { _ in isDone = true } }
            #expect(!isDone)
            #expect(failure.status == .inputOutput)
            #expect(!failure.sentence.contains("done, not recorded"))
        }
    }

    @Test func `when finished cannot be written, the act says done, not recorded`() async throws {
        try await withLog { log in
            let failure = try await failing { try await log.recording(.backupRun) { _ in try block(log) } }
            #expect(failure.status == .inputOutput)
            #expect(failure.sentence.hasPrefix("backup.run: done, not recorded: cannot open \(log.folder.lock)"))
            let acts = try log.verify().openActs
            #expect(acts.map(\.record) == [1] && acts.map(\.action) == ["backup.run"])
        }
    }

    @Test func `a failure that could not be recorded says both and keeps its own status`() async throws {
        try await withLog { log in
            let failure = try await failing {
                try await log.recording(.backupRun) { _ in
                    try block(log)
                    throw PlainFailure(.unavailable, "pg_dump is gone")
                }
            }
            #expect(failure.status == .unavailable)
            #expect(failure.sentence.hasPrefix("pg_dump is gone; and that is not recorded: cannot open"))
        }
    }

    /// From here on nobody can append: a folder stands where the lock was, which stops root too.
    private func block(_ log: AuditLog) throws {
        try? Files.remove(log.folder.lock)
        try Files.createDirectory(log.folder.lock)
    }
}
