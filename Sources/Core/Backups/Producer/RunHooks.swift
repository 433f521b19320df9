package import Platform
import SystemPackage

/// Programs of the user's that run before and after a backup, and somebody who is told that it ran.
package struct RunHooks: Sendable {
    /// Program and arguments each; no shell reads them.
    package var before: [String]?
    package var after: [String]?
    package var failed: [String]?
    /// Seconds that each of them may take.
    package var timeLimit = 600
    /// A URL that expects to be asked for: `/start` is appended at the beginning, `/fail` after a failure.
    package var ping: String?
    /// Is told what went wrong with a hook or a ping after which the backup is none the worse.
    package var warn: @Sendable (String) -> Void = { _ in }

    package init() {}

    /// What a run came to, as hooks are told.
    package struct Ending: Sendable {
        package var status: ExitStatus
        package var reason: String?
        package var made: BackupRun.Made?

        package init(status: ExitStatus, reason: String? = nil, made: BackupRun.Made? = nil) {
            self.status = status
            self.reason = reason
            self.made = made
        }
    }

    private enum Event: String {
        case before, after, failed
    }

    /// Runs `body` between the hooks.
    ///
    /// - Parameter ending: what the answer to `body`'s result is.
    /// - Throws: status 69 when `before` fails: nothing was begun then; else what `body` throws. When `after` or `failed` fail
    ///   that is a warning.
    package nonisolated(nonsending) func around<Value>(
        _ body: () async throws -> Value, ending: (Value) -> Ending
    ) async throws -> Value {
        await tell("/start")
        do {
            try await run(.before)
            let value = try await body()
            await finish(ending(value))
            return value
        } catch {
            let failure = error as? any Failure
            let ending = Ending(
                status: failure?.status ?? (Task.isCancelled ? .interrupted : .internalError),
                reason: failure?.sentence ?? "interrupted")
            // In a task of its own: a cancelled one cannot start programs.
            await Task { await finish(ending) }.value
            throw error
        }
    }

    private func finish(_ ending: Ending) async {
        let event: Event = ending.status == .success ? .after : .failed
        do {
            try await run(event, ending)
        } catch {
            warn((error as? any Failure)?.sentence ?? "the hook \"\(event.rawValue)\" failed")
        }
        await tell(ending.status == .success ? "" : "/fail")
    }

    private func run(_ event: Event, _ ending: Ending? = nil) async throws {
        let command =
            switch event {
            case .before: before
            case .after: after
            case .failed: failed
            }
        guard let command, let program = command.first else { return }
        do {
            try await Child(
                FilePath(program), Array(command.dropFirst()), environment: environment(event, ending),
                name: "the hook \"\(event.rawValue)\" (\(program))"
            ).attend(timeLimit: timeLimit)
        } catch let failure as ChildFailure {
            throw HookFailure(cause: failure, isBefore: event == .before)
        }
    }

    private func environment(_ event: Event, _ ending: Ending?) -> [String: String?] {
        var variables: [String: String?] = ["DBSEC_BACKUP_EVENT": event.rawValue]
        guard let ending else { return variables }
        variables["DBSEC_BACKUP_STATUS"] = "\(ending.status.rawValue)"
        variables["DBSEC_BACKUP_REASON"] = ending.reason ?? ""
        guard let made = ending.made else { return variables }
        variables["DBSEC_BACKUP_NAME"] = made.backup.name
        variables["DBSEC_BACKUP_FOLDER"] = made.backup.folder.string
        variables["DBSEC_BACKUP_BYTES"] = "\(made.manifest.size)"
        variables["DBSEC_BACKUP_DATABASES"] = made.manifest.databases.map(\.name).joined(separator: "\n")
        variables["DBSEC_BACKUP_FAILED"] = made.failed.map(\.name).joined(separator: "\n")
        return variables
    }

    /// Asks for the URL; that it cannot be had is a warning, never the end of a backup.
    private func tell(_ suffix: String) async {
        guard let ping else { return }
        // On standard input, since whoever knows the URL can call off the alarm, and every account sees arguments.
        let options = "url = \"\(Self.url(ping, suffix))\"\n"
        do {
            try await Child(
                "curl",
                ["--config", "-", "--silent", "--show-error", "--fail", "--max-time", "10", "--output", "/dev/null"]
            ).run(input: Array(options.utf8))
        } catch {
            warn("the ping failed: \((error as? any Failure)?.description ?? "interrupted")")
        }
    }

    /// The suffix belongs to the path, before the query.
    static func url(_ ping: String, _ suffix: String) -> String {
        let end = ping.firstIndex { $0 == "?" || $0 == "#" } ?? ping.endIndex
        let path = ping[..<end]
        return (suffix.isEmpty ? path : path.hasSuffix("/") ? path.dropLast() : path) + suffix + ping[end...]
    }

    /// Whether it can be handed to curl: http or https, and nothing that would end its quotes.
    package static func isURL(_ text: String) -> Bool {
        (text.hasPrefix("https://") || text.hasPrefix("http://"))
            && text.utf8.allSatisfy {
                (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
            }
    }
}

/// A program of the user's said no, or did not end.
private struct HookFailure: Failure {
    let cause: ChildFailure
    let isBefore: Bool

    var status: ExitStatus { .unavailable }
    var sentence: String { cause.sentence }
    var hint: String? { isBefore ? "no backup was begun" : nil }
}
