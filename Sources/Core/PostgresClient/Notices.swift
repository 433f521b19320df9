import CLibPQ

/// What the server says beside the results: notices and warnings.
package struct PostgresNotice: Sendable, Equatable {
    /// `NOTICE`, `WARNING`, `INFO`, `LOG` or `DEBUG`, in English whatever the server's language.
    package let severity: String
    package let code: String
    package let message: String
    package let detail: String?
    package let advice: String?

    package init(severity: String, code: String, message: String, detail: String?, advice: String?) {
        self.severity = severity
        self.code = code
        self.message = message
        self.detail = detail
        self.advice = advice
    }
}

/// Keeps the newest notices, and hands each to whoever asked for them; called by libpq on the connection's thread only.
final class NoticeReceiver: @unchecked Sendable {
    private static let limit = 1000
    private let handler: (@Sendable (PostgresNotice) -> Void)?
    private var kept: [PostgresNotice] = []

    init(handler: (@Sendable (PostgresNotice) -> Void)?) {
        self.handler = handler
    }

    func take() -> [PostgresNotice] {
        defer { kept = [] }
        return kept
    }

    /// Must outlive the connection: libpq keeps an unowned pointer.
    func attach(to connection: OpaquePointer) {
        PQsetNoticeReceiver(
            connection,
            { context, result in
                guard let context, let result else { return }
                Unmanaged<NoticeReceiver>.fromOpaque(context).takeUnretainedValue().receive(result)
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    private func receive(_ result: OpaquePointer) {
        func field(_ code: CInt) -> String? {
            PQresultErrorField(result, code).map { String(cString: $0) }
        }
        let notice = PostgresNotice(
            severity: field(clibpq_diag_severity) ?? "NOTICE", code: field(clibpq_diag_sqlstate) ?? "00000",
            message: field(clibpq_diag_message) ?? "", detail: field(clibpq_diag_detail),
            advice: field(clibpq_diag_hint))
        handler?(notice)
        if kept.count == Self.limit { kept.removeFirst() }
        kept.append(notice)
    }
}
