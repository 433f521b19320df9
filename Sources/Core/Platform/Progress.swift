/// How far a long act has come; capabilities report it, programs show it on a terminal.
package struct Progress: Sendable, Equatable {
    /// What is being done, in a few words: `dumping app`.
    package var activity: String
    package var bytes: Int
    /// The bytes expected in all, when that is known.
    package var totalBytes: Int?
    package var rows: Int?
    /// The rows expected in all, when that is known.
    package var totalRows: Int?

    package init(
        _ activity: String, bytes: Int = 0, totalBytes: Int? = nil, rows: Int? = nil, totalRows: Int? = nil
    ) {
        self.activity = activity
        self.bytes = bytes
        self.totalBytes = totalBytes
        self.rows = rows
        self.totalRows = totalRows
    }
}

/// Takes reports of progress; called from any thread, some hundred times a second at most.
package typealias ProgressHandler = @Sendable (Progress) -> Void
