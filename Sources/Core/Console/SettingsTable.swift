/// One value that the configuration file may hold: what it is by default, and what it means.
package struct Setting: Sendable {
    package let section: String
    package let key: String
    /// What holds where nobody says anything, in words.
    package let standard: String
    package let meaning: String

    package var name: String { "\(section).\(key)" }

    private init(_ section: String, _ key: String, _ standard: String, _ meaning: String) {
        (self.section, self.key, self.standard, self.meaning) = (section, key, standard, meaning)
    }

    /// Every setting of every program, in the order in which a person would read them.
    ///
    /// Each program reads its own section strictly; a test holds the two to each other.
    package static let all = backup + audit + pii + auth

    private static let backup = [
        Setting("backup", "repository", "backups/ in the state folder", "where backups are: a folder or remote:path"),
        Setting("backup", "copies", "none", "further places that every new backup is copied to"),
        Setting("backup", "cluster", "the server's cluster_name, or main", "the name of the cluster's folder"),
        Setting("backup", "databases", "all that take connections", "patterns of the databases of a run"),
        Setting("backup", "exclude", "none", "patterns of databases that a run leaves out"),
        Setting("backup", "jobs", "one a processor, at most 4", "how many pg_dump may run at the same time"),
        Setting("backup", "lockWaitTimeout", "60", "seconds to wait for a table that is locked"),
        Setting("backup", "configFiles", "false", "whether the server's configuration files are in a backup"),
        Setting("backup", "maxLoss", "50", "percent that a table may lose before a run warns"),
        Setting("backup", "ignoreLossOf", "none", "tables that may lose what they want"),
        Setting("backup", "failOnAnomaly", "false", "whether such a warning makes the exit code 1"),
        Setting("backup", "hooks", "none", "programs before and after a run, and when it failed"),
        Setting("backup", "ping", "none", "a URL that is asked for when a run ends well"),
        Setting("backup", "keepLast", "none", "keep so many of the newest backups"),
        Setting("backup", "keepDays", "none", "keep the backups of so many days"),
        Setting("backup", "keepWithin", "none", "keep what is younger than this, as 1y6m"),
        Setting("backup", "keepHourly", "none", "keep one for each of so many hours"),
        Setting("backup", "keepDaily", "none", "keep one for each of so many days"),
        Setting("backup", "keepWeekly", "none", "keep one for each of so many weeks"),
        Setting("backup", "keepMonthly", "none", "keep one for each of so many months"),
        Setting("backup", "keepYearly", "none", "keep one for each of so many years"),
        Setting("backup", "keepTags", "none", "keep what has one of these tags"),
        Setting("backup", "requireProof", "none", "the level that makes an older backup removable"),
        Setting("backup", "graceHours", "24", "hours from giving a backup up to removing it"),
        Setting("backup", "appendOnly", "false", "whether the repository's storage refuses to remove"),
        Setting("backup", "lockDays", "none", "days for which the storage locks every object"),
        Setting("backup", "scratchFolder", "memory if it fits", "where scratch clusters are made"),
        Setting("backup", "allowedPreloadLibraries", "none", "libraries that a scratch cluster may load"),
        Setting("backup", "smokeFile", "none", "SQL that a restored database is asked by verify"),
    ]

    private static let audit = [
        Setting("audit", "logs", "none", "folders of more logs on this host, for verify --all"),
        Setting("audit", "anchors", "none", "where checkpoints go: files, programs, syslog, databases"),
        Setting("audit", "keepMonths", "12", "how long records are kept; their hashes stay for good"),
        Setting("audit", "segmentSize", "64", "megabytes after which the log goes on in a new file"),
        Setting("audit", "rotateDays", "none", "after how many days a heartbeat replaces the key"),
    ]

    private static let pii = [
        Setting("pii", "keyring", "keyring.json among the keys", "the file of the keys for fields"),
        Setting("pii", "copies", "none", "copies of the keyring on other disks, which must agree"),
        Setting("pii", "unlock", "keyring-identity.txt beside the keyring", "what opens the keyring"),
        Setting("pii", "repository", "backups/ in the state folder", "where backups are that may need a key"),
        Setting("pii", "maxLag", "64", "megabytes a standby may fall behind before a job waits"),
    ]

    private static let auth = [
        Setting("auth", "scheme", "argon2id", "what new passwords are hashed with: argon2id or bcrypt"),
        Setting("auth", "cost", "12", "bcrypt's cost"),
        Setting("auth", "memoryKiB", "19456", "argon2id's memory"),
        Setting("auth", "passes", "2", "argon2id's passes over the memory"),
        Setting("auth", "minimumLength", "15", "the fewest characters of a new password"),
        Setting("auth", "blocklist", "none", "a list of common passwords that dbauth blocklist made"),
        Setting("auth", "keyring", "keyring.json among the keys", "the keyring of peppers and second factors"),
        Setting("auth", "unlock", "keyring-identity.txt beside the keyring", "what opens the keyring"),
        Setting("auth", "tries", "5", "wrong passwords from one network before it waits"),
        Setting("auth", "lockMinutes", "30", "how long it waits"),
        Setting("auth", "progressive", "false", "whether the wait doubles when one follows on another"),
        Setting("auth", "identifierTries", "50", "wrong passwords from anywhere before a name waits"),
        Setting("auth", "identifierHours", "24", "in how many hours those count"),
        Setting("auth", "sessionHours", "24", "when a session ends"),
        Setting("auth", "idleMinutes", "60", "when one ends that nobody uses"),
        Setting("auth", "resetMinutes", "30", "how long a token resets a password"),
        Setting("auth", "deadlineMilliseconds", "500", "when the answer to a login comes, whatever it is"),
    ]
}
