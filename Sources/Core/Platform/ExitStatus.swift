/// What a program's exit code tells cron, systemd and scripts; the numbers are those of sysexits(3).
package enum ExitStatus: Int32, Sendable, CaseIterable {
    /// Done; the answer is yes.
    case success = 0
    /// Done; the answer is no: drift found, verification failed, lint findings, wrong password.
    case negative = 1
    case usage = 64
    /// Input data is malformed: policy, archive, ciphertext.
    case malformed = 65
    case inputMissing = 66
    /// A service or program is unavailable: server, pg_dump, rclone. Retrying is safe.
    case unavailable = 69
    /// An internal error: a bug.
    case internalError = 70
    case cannotCreate = 73
    case inputOutput = 74
    /// Another run holds the lock, or the server asked for a retry. Retrying is safe.
    case temporary = 75
    case permission = 77
    case configuration = 78
    /// Stopped by SIGINT: nothing is half done.
    case interrupted = 130
    /// Stopped by SIGTERM or SIGHUP: nothing is half done.
    case terminated = 143
}
