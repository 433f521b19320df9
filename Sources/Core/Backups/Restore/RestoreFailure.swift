import Platform

/// pg_restore failed; status and hint follow from what the server said.
struct RestoreFailure: Failure {
    private let cause: ChildFailure

    init(_ cause: ChildFailure) {
        self.cause = cause
    }

    var sentence: String { cause.sentence }

    var status: ExitStatus {
        if isAboutRights { return .permission }
        return says("No space left on device") ? .inputOutput : cause.status
    }

    var hint: String? {
        if isAboutRights {
            return "restore as a role that may do this, as a superuser; or leave owners and grants out with --no-owner "
                + "--no-privileges, or give them to others with --role-map"
        }
        if says("No space left on device") {
            return "free some space where the server keeps its data; nothing was left there"
        }
        if says("is not available") || says("could not open extension control file") {
            return "install the extension on the server"
        }
        return cause.hint
    }

    private var isAboutRights: Bool {
        // `must be member of role`, `must be able to SET ROLE`, `must be owner of`, `Must be superuser`.
        ["permission denied", "must be ", "Must be "].contains { says("ERROR:  \($0)") }
    }

    private func says(_ words: String) -> Bool { cause.messages.contains(words) }
}
