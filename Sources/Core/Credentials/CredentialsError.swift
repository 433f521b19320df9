public import Platform

/// Why something about a credential cannot be done; a wrong password is an answer, never an error.
public struct CredentialsError: Error, Equatable, Sendable {
    public enum Code: Sendable, Equatable {
        /// A password that the policy or the scheme does not take.
        case passwordRefused
        /// A stored hash, verifier, token or key that cannot be one.
        case malformed
        /// The name is taken, or the thing is there already.
        case exists
        /// There is no such account, session or key.
        case missing
        /// The session or token that was shown gives no right to this.
        case refused
        /// The schema `dbauth` is not installed, or is of another version.
        case notInstalled
        /// A key that is needed is not here.
        case keyMissing
        /// The server, or a part of the system, does not answer.
        case unavailable
    }

    public let code: Code
    /// What happened, in a sentence that holds no secret.
    public let sentence: String
    /// What to do about it.
    public let hint: String?

    package init(_ code: Code, _ sentence: String, hint: String? = nil) {
        self.code = code
        self.sentence = sentence
        self.hint = hint
    }
}

extension CredentialsError: Failure {
    public var description: String { hint.map { "\(sentence) (\($0))" } ?? sentence }

    package var status: ExitStatus {
        switch code {
        case .passwordRefused, .malformed: .malformed
        case .exists: .cannotCreate
        case .missing: .inputMissing
        case .refused: .permission
        case .notInstalled, .keyMissing: .configuration
        case .unavailable: .unavailable
        }
    }
}
