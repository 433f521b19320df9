import CLibPQ
package import Platform

/// What the server, or libpq on the way to it, said went wrong.
package struct PostgresError: Failure, Equatable {
    /// The SQLSTATE; nil where no server was reached or the connection was lost.
    package let code: String?
    package let message: String
    package let detail: String?
    /// The server's own HINT.
    package let advice: String?
    /// Where in functions it happened, as CONTEXT says.
    package let context: String?
    /// The server's own C function that raised it: tells apart what shares one SQLSTATE, and is never translated.
    package let routine: String?
    /// True where the statement was the user's own, and a mistake in it is malformed input and not a bug of ours.
    package var isGivenStatement = false
    /// True where the connection broke during COMMIT.
    package var outcomeUnknown = false

    package init(
        code: String?, message: String, detail: String? = nil, advice: String? = nil, context: String? = nil,
        routine: String? = nil
    ) {
        self.code = code
        self.message = message
        self.detail = detail
        self.advice = advice
        self.context = context
        self.routine = routine
    }

    package var sentence: String {
        var text = message
        if let detail { text += ": \(detail)" }
        if let context { text += "; \(context.split(separator: "\n").joined(separator: "; "))" }
        if let code { text += " (SQLSTATE \(code))" }
        if outcomeUnknown { text += "; the connection broke during COMMIT, so the change may or may not be there" }
        return text
    }

    package var hint: String? {
        if let advice { return advice }
        return switch status {
        case .unavailable where code == nil: "is the server running, and are host and port right?"
        case .temporary: "nothing was changed: try again"
        default: nil
        }
    }

    /// Worth running the whole transaction again: serialization failure or deadlock.
    package var isRetryable: Bool { code == "40001" || code == "40P01" }

    /// The same error, when the statement came from the user.
    package var inGivenStatement: PostgresError {
        var copy = self
        copy.isGivenStatement = true
        return copy
    }

    package var status: ExitStatus {
        guard let code else { return .unavailable }
        return switch code {
        case "40001", "40P01", "55P03", "53300", "57014", "55006": .temporary
        case "42501": .permission
        case "3D000": .inputMissing
        case "42P04", "42710", "42P06", "42P07": .cannotCreate
        default: statusOfClass(code)
        }
    }

    /// PostgreSQL documentation, appendix A: the first two characters are the class.
    private func statusOfClass(_ code: String) -> ExitStatus {
        switch code.prefix(2) {
        case "08", "57": .unavailable
        case "28": .permission
        case "53", "58", "XX", "F0": .inputOutput
        case "25" where code == "25006": .unavailable
        case "22", "23", "44", "P0": .malformed
        case "42" where isUndefinedObject(code) && !isGivenStatement: .inputMissing
        case _ where isGivenStatement: .malformed
        default: .internalError
        }
    }

    private func isUndefinedObject(_ code: String) -> Bool {
        ["42P01", "42703", "42704", "42883"].contains(code)
    }
}

extension PostgresError {
    /// Reads the fields of a failed result.
    init(result: OpaquePointer, connection: OpaquePointer) {
        func field(_ code: CInt) -> String? {
            PQresultErrorField(result, code).map { String(cString: $0) }
        }
        self.init(
            code: field(clibpq_diag_sqlstate),
            message: field(clibpq_diag_message) ?? Self.message(of: connection),
            detail: field(clibpq_diag_detail), advice: field(clibpq_diag_hint), context: field(clibpq_diag_context),
            routine: field(clibpq_diag_routine))
    }

    /// Reads libpq's own message, when there is no result to ask.
    init(connection: OpaquePointer) {
        self.init(code: nil, message: Self.message(of: connection))
    }

    private static func message(of connection: OpaquePointer) -> String {
        let lines = String(cString: PQerrorMessage(connection)).split(separator: "\n")
            .map { $0.drop { $0 == "\t" || $0 == " " } }
        return lines.isEmpty ? "the connection to the server was lost" : lines.joined(separator: "; ")
    }
}
