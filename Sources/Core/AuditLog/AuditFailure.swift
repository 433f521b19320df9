package import Platform

/// The audit log cannot be trusted, read or written.
package struct AuditFailure: Failure, Equatable {
    package enum Code: Sendable {
        case malformedNote
        case malformedKey
        /// The files of the log contradict each other: nothing is appended until a person has looked.
        case inconsistent
        /// There is no log here.
        case missing
        /// The act was done, and its record could not be written.
        case notRecorded
        /// The act failed, and that could not be recorded either; the status is the act's own.
        case failedAndNotRecorded(ExitStatus)
    }

    package let code: Code
    package let sentence: String
    package let hint: String?

    package init(_ code: Code, _ sentence: String, hint: String? = nil) {
        self.code = code
        self.sentence = sentence
        self.hint = hint
    }

    package static func == (left: AuditFailure, right: AuditFailure) -> Bool {
        left.sentence == right.sentence && left.hint == right.hint && left.status == right.status
    }

    static func unknownVersion(_ version: Int) -> AuditFailure {
        AuditFailure(
            .inconsistent, "a record of version \(version), which this program does not know",
            hint: "use a newer dbaudit")
    }

    package var status: ExitStatus {
        switch code {
        case .malformedNote, .malformedKey, .inconsistent: .malformed
        case .missing: .inputMissing
        case .notRecorded: .inputOutput
        case .failedAndNotRecorded(let status): status
        }
    }
}
