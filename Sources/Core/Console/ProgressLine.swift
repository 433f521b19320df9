package import Platform
import Synchronization

/// One line on a terminal that tells how far a long act has come, rewritten ten times a second at most.
package final class ProgressLine: Sendable {
    package static let shared = ProgressLine()

    private struct State {
        var activity = ""
        var began = Timestamp(microseconds: 0)
        var shown = Timestamp(microseconds: 0)
        var isVisible = false
    }

    private let state = Mutex(State())

    package func show(_ progress: Progress) {
        let now = Timestamp.now()
        state.withLock { state in
            if state.activity != progress.activity {
                state.activity = progress.activity
                state.began = now
            } else if now.seconds(since: state.shown) < 0.1 {
                return
            }
            state.shown = now
            state.isVisible = true
            StandardError.write("\r\u{1B}[K\(Self.line(progress, seconds: now.seconds(since: state.began)))")
        }
    }

    package func clear() {
        state.withLock { state in
            if state.isVisible { StandardError.write("\r\u{1B}[K") }
            state.isVisible = false
        }
    }

    /// Bytes, rows, rate and time left, as far as they are known.
    package static func line(_ progress: Progress, seconds: Double) -> String {
        var parts = [progress.activity]
        if progress.bytes > 0 {
            let total = progress.totalBytes.map { " of \(Words.size($0))" } ?? ""
            parts.append(Words.size(progress.bytes) + total)
        }
        if let rows = progress.rows, rows > 0 {
            let total = progress.totalRows.map { " of \(Words.count(max($0, rows)))" } ?? ""
            parts.append("\(Words.count(rows))\(total) rows")
            if let total = progress.totalRows, seconds >= 1 {
                let rate = Double(rows) / seconds
                parts.append("\(Words.count(Int(rate))) rows/s")
                if total > rows { parts.append("\(Words.duration(Double(total - rows) / rate)) left") }
            }
        }
        if progress.bytes > 0, seconds >= 1 {
            let rate = Double(progress.bytes) / seconds
            parts.append("\(Words.size(Int(rate)))/s")
            if let total = progress.totalBytes, total > progress.bytes {
                parts.append("\(Words.duration(Double(total - progress.bytes) / rate)) left")
            }
        }
        return parts.joined(separator: ", ")
    }
}
