import Platform
import SystemPackage

// What this host has to say to a run of tonight.
extension Doctor {
    func examineKeys() throws -> [Finding] {
        let recipients = try keys.recipients()
        _ = try keys.signingKey()
        try keys.requireReader()
        var findings = [
            Finding("keys", .ok, "recipients who can open the backups: \(recipients.count); they are signed here")
        ]
        if keys.holdsIdentity {
            findings.append(
                Finding(
                    "custody", .warn, "the identity that opens the backups is on the host that makes them",
                    "move \(keys.identityFile) to where backups are verified and restored"))
        } else if let shown = keys.lastShown {
            let days = Int(now().seconds(since: shown) / 86400)
            findings.append(
                days <= 180
                    ? Finding("custody", .ok, "an identity was shown to be held elsewhere \(days) days ago")
                    : Finding(
                        "custody", .warn, "it is \(days) days since anybody showed an identity that opens the backups",
                        "dbbackup keys confirm < FILE shows that it is not lost"))
        } else {
            findings.append(
                Finding(
                    "custody", .warn, "nobody has shown an identity here: only its public key was given",
                    "dbbackup keys confirm < FILE shows that it is not lost"))
        }
        return findings
    }

    /// Makes a folder in the folder, and removes it again.
    func probe(_ folder: FilePath, _ topic: String, _ remedy: String) throws -> [Finding] {
        guard Files.exists(folder) else {
            return [Finding(topic, .fail, "there is no folder \(folder)", "dbbackup init makes it")]
        }
        do {
            try Files.removeEmpty(Files.makeTemporaryDirectory(in: folder, prefix: ".doctor"))
        } catch let failure as FileFailure {
            return [Finding(topic, .fail, failure.sentence, remedy)]
        }
        return [Finding(topic, .ok, "\(folder) is writable")]
    }

    /// The next backup will be about as large as the last; the first one at most what the databases take.
    func examineDisk(_ cluster: String, _ wanted: [ServerDatabase]) throws -> [Finding] {
        guard Files.exists(repository.root) else { return [] }
        let free = try Files.freeSpace(repository.root)
        let last = try repository.backups(of: cluster).last?.manifest().size
        let expected = last ?? wanted.reduce(0) { $0 + ($1.size ?? 0) }
        let basis = last == nil ? "what the databases take" : "the last backup"
        let text = "\(megabytes(free)) free, \(basis) is \(megabytes(expected))"
        guard free < 2 * expected else { return [Finding("disk", .ok, text)] }
        // Databases are compressed: their size is the worst case, not the expected one.
        return [
            Finding(
                "disk", free < expected && last != nil ? .fail : .warn, text,
                "make room, prune (dbbackup prune --dry-run), or name another --repository")
        ]
    }

    private func megabytes(_ bytes: Int) -> String { "\((bytes + 999_999) / 1_000_000) MB" }

    func examineLeftovers(_ cluster: String) throws -> [Finding] {
        guard Files.exists(repository.folder(of: cluster)) else { return [] }
        do {
            return try FileLock.holding(repository.lock(of: cluster)) {
                let left = try repository.leftovers(of: cluster)
                return left.isEmpty
                    ? [Finding("leftovers", .ok, "no run was left half done")]
                    : [
                        Finding(
                            "leftovers", .warn, "\(left.count) runs were killed and left their folders",
                            "the next run removes them; find out who killed them")
                    ]
            }
        } catch let failure as FileFailure {
            guard failure.status == .temporary else { throw failure }
            return [Finding("leftovers", .ok, "a run is under way")]
        }
    }

    func examineHooks() -> [Finding] {
        let commands = [("before", hooks.before), ("after", hooks.after), ("failed", hooks.failed)]
        var findings = commands.compactMap { name, command -> Finding? in
            guard let program = command?.first else { return nil }
            return isThere(program)
                ? Finding("hook \(name)", .ok, program)
                : Finding(
                    "hook \(name)", name == "before" ? .fail : .warn, "there is no program \(program)", "name its path")
        }
        if hooks.ping != nil {
            findings.append(
                isThere("curl")
                    ? Finding("ping", .ok, "curl will ask for the URL")
                    : Finding("ping", .warn, "there is no curl to ask for the URL with", "apt install curl"))
        }
        return findings
    }

    /// By the path that cron has, where it is a bare name.
    private func isThere(_ program: String) -> Bool {
        if program.contains("/") { return Files.exists(FilePath(program)) }
        return ["/usr/local/bin", "/usr/bin", "/bin"].contains { Files.exists(FilePath("\($0)/\(program)")) }
    }

    /// Whether anything starts a run, and whether that run will find what this session has in its environment.
    func examineSchedule() async -> [Finding] {
        // cron and systemd start programs with none of these.
        let set = environment.keys.filter {
            $0.hasPrefix("DBSEC_") || ($0.hasPrefix("PG") && $0 != "PGDATA") || $0 == "XDG_STATE_HOME"
        }.sorted()
        let lost =
            set.isEmpty
            ? Finding("environment", .ok, "nothing is needed that cron's empty environment lacks")
            : Finding(
                "environment", .warn, "this session has \(set.joined(separator: ", ")), and cron's does not",
                "put them into the crontab, into the unit's EnvironmentFile, or into /etc/dbsec/dbsec.json and .pgpass")
        return [lost, await schedule()]
    }

    private func schedule() async -> Finding {
        if Files.isDirectory("/run/systemd/system"),
            (try? await Child("systemctl", ["--quiet", "is-enabled", "dbbackup.timer"]).attend(timeLimit: 10)) != nil
        {
            return Finding("schedule", .ok, "dbbackup.timer is enabled")
        }
        let folders: [FilePath] = ["/etc/cron.d", "/etc/cron.daily", "/etc/cron.hourly", "/var/spool/cron/crontabs"]
        let files = folders.flatMap { folder in ((try? Files.list(folder)) ?? []).map(folder.appending) }
        for file in files + ["/etc/crontab"] {
            guard let bytes = try? Files.read(file, limit: 1 << 20) else { continue }
            if String(decoding: bytes, as: UTF8.self).contains("dbbackup") {
                return Finding("schedule", .ok, "\(file) starts it")
            }
        }
        return Finding(
            "schedule", .warn, "neither systemd nor cron starts a run, as far as this account can see",
            "systemctl enable --now dbbackup.timer, or a line in the crontab")
    }
}
