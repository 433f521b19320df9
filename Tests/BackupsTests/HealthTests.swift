import Platform
import Testing

@testable import Backups

@Suite struct `The health of a repository` {
    private static let day = 86400.0

    @Test func `is good when backup and proof are young enough`() {
        let health = Health(databases: [database(age: 1, provenAge: 5)])
        #expect(problems(health, HealthLimits(age: 2 * Self.day, provenAge: 8 * Self.day)) == [])
    }

    @Test func `names what is too old`() {
        let health = Health(databases: [database(age: 3, provenAge: 9)])
        #expect(
            problems(health, HealthLimits(age: 2 * Self.day, provenAge: 8 * Self.day)) == [
                "the newest backup of main/shop is 3 d old", "the newest proven backup of main/shop is 9 d old",
            ])
    }

    @Test func `names what was never proved`() {
        let health = Health(databases: [database(age: 1)])
        #expect(
            problems(health, HealthLimits(provenAge: 8 * Self.day)) == [
                "no backup of main/shop was ever proved by a restore"
            ])
    }

    @Test func `an empty repository is not well`() {
        #expect(problems(Health(databases: []), HealthLimits()) == ["there is no backup"])
    }

    @Test func `a database that never had a backup is missed only by name`() {
        let health = Health(databases: [database(age: 1)])
        #expect(
            problems(health, HealthLimits(), expected: ["shop", "main/shop", "crm"]) == ["there is no backup of crm"])
    }

    @Test func `a restore that takes too long is told`() {
        let health = Health(databases: [database(age: 1, provenAge: 1, restoreSeconds: 7 * Self.day)])
        #expect(problems(health, HealthLimits(restoreTime: 60)) == ["a restore of main/shop took 7 d"])
    }

    @Test func `a disk that will soon be full is told before it is`() {
        var shop = database(age: 1)
        shop.bytes = 100
        let health = Health(databases: [shop, shop])
        #expect(health.runsLeft(in: 799) == 3)
        #expect(Health(databases: []).runsLeft(in: 799) == nil)
        func problems(_ freeBytes: Int?) -> [String] {
            health.problems(HealthLimits(runsLeft: 3), at: now, freeBytes: freeBytes, duration: { "\($0)" })
        }
        #expect(problems(799) == [] && problems(nil) == [])
        #expect(problems(400) == ["the disk has room for 2 more runs as large as the last"])
    }

    @Test func `a backup of the future means that a clock is wrong`() {
        let health = Health(databases: [database(age: -1)])
        #expect(
            problems(health, HealthLimits(age: Self.day)) == [
                "the newest backup of main/shop is of the future: a clock is wrong"
            ])
    }

    @Test func `becomes metrics, with names escaped`() {
        let health = Health(
            databases: [
                DatabaseHealth(
                    cluster: "main", database: "a\"b\\c\nd", newest: Timestamp(seconds: 1_790_000_000), bytes: 42,
                    runSeconds: 1.5, backups: 3)
            ])
        #expect(
            Metrics(health, problems: 1, freeBytes: 90).text == #"""
                # HELP dbsec_backup_newest_timestamp_seconds The instant that the newest backup shows.
                # TYPE dbsec_backup_newest_timestamp_seconds gauge
                dbsec_backup_newest_timestamp_seconds{cluster="main",database="a\"b\\c\nd"} 1790000000
                # HELP dbsec_backup_size_bytes The newest backup's dump as it is stored.
                # TYPE dbsec_backup_size_bytes gauge
                dbsec_backup_size_bytes{cluster="main",database="a\"b\\c\nd"} 42
                # HELP dbsec_backup_run_seconds How long the run of the newest backup took.
                # TYPE dbsec_backup_run_seconds gauge
                dbsec_backup_run_seconds{cluster="main",database="a\"b\\c\nd"} 1.5
                # HELP dbsec_backup_count Complete backups there are.
                # TYPE dbsec_backup_count gauge
                dbsec_backup_count{cluster="main",database="a\"b\\c\nd"} 3
                # HELP dbsec_backup_failed_databases Databases that could not be dumped at the last attempt.
                # TYPE dbsec_backup_failed_databases gauge
                dbsec_backup_failed_databases 0
                # HELP dbsec_backup_problems Demands of dbbackup check that are not met.
                # TYPE dbsec_backup_problems gauge
                dbsec_backup_problems 1
                # HELP dbsec_backup_free_bytes What is left on the repository's disk.
                # TYPE dbsec_backup_free_bytes gauge
                dbsec_backup_free_bytes 90
                # HELP dbsec_backup_runs_left How many more runs as large as the newest fit on the disk.
                # TYPE dbsec_backup_runs_left gauge
                dbsec_backup_runs_left 2

                """#)
    }
}

private let now = Timestamp(seconds: 1_790_000_000)

/// Ages in days.
private func database(age: Int64, provenAge: Int64? = nil, restoreSeconds: Double? = nil) -> DatabaseHealth {
    DatabaseHealth(
        cluster: "main", database: "shop", newest: now.advanced(bySeconds: age * -86400),
        newestProven: provenAge.map { now.advanced(bySeconds: $0 * -86400) }, restoreSeconds: restoreSeconds)
}

private func problems(_ health: Health, _ limits: HealthLimits, expected: [String] = []) -> [String] {
    health.problems(limits, expected: expected, at: now) { "\(Int($0 / 86400)) d" }
}
