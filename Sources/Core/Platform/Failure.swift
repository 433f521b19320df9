/// An error that a person reads: what happened, to what, and what to do about it.
///
/// Every error of this project is one. `sentence` starts in lower case, ends without a full stop, quotes names, and never
/// holds a secret. Programs act on `status`, people on `hint`.
package protocol Failure: Error, CustomStringConvertible {
    var status: ExitStatus { get }
    var sentence: String { get }
    var hint: String? { get }
}

extension Failure {
    package var hint: String? { nil }

    package var description: String {
        if let hint { "\(sentence) (\(hint))" } else { sentence }
    }
}

/// A failure with nothing for a program to tell apart but its exit status.
package struct PlainFailure: Failure, Equatable {
    package let status: ExitStatus
    package let sentence: String
    package let hint: String?

    package init(_ status: ExitStatus, _ sentence: String, hint: String? = nil) {
        self.status = status
        self.sentence = sentence
        self.hint = hint
    }
}
