import Platform
import Synchronization

/// What the lanes of a job share: which blocks come next, before which block all is done, how much they take at a time.
final class JobCourse: Sendable {
    private struct State {
        var next = 0
        var end = 0
        /// For each lane that is at work, the first block that it has not written.
        var open: [Int: Int] = [:]
        var size = 8
        var result: JobResult
    }

    private static let mostBlocks = 128

    private let state: Mutex<State>
    private let options: JobOptions
    private let expected: Int

    init(_ result: JobResult, _ options: JobOptions) {
        state = Mutex(State(result: result))
        self.options = options
        expected = result.left
    }

    var result: JobResult { state.withLock { $0.result } }

    /// How many blocks a batch is to have at the moment.
    var size: Int { state.withLock { $0.size } }

    /// Whether as many rows were written as were asked for.
    var isAtLimit: Bool { options.limit.map { result.rows >= $0 } ?? false }

    func begin(_ blocks: Range<Int>) {
        state.withLock {
            $0.next = blocks.lowerBound
            $0.end = blocks.upperBound
            $0.open = [:]
        }
    }

    func set(left: Int) {
        state.withLock { $0.result.left = left }
    }

    /// The blocks that a lane is to do next; nil when there are none.
    func take(_ lane: Int) -> Range<Int>? {
        if isAtLimit { return nil }
        return state.withLock { state in
            let range = state.next..<min(state.next + state.size, state.end)
            state.next = range.upperBound
            state.open[lane] = range.isEmpty ? nil : range.lowerBound
            return range.isEmpty ? nil : range
        }
    }

    /// Where a later run goes on once this lane has written all before `block`: no lane has more to do before it.
    func checkpoint(_ lane: Int, at block: Int) -> Int {
        state.withLock { state in
            let others = state.open.filter { $0.key != lane }.values.min()
            return min(others ?? block, block)
        }
    }

    /// Notes a batch that was written, and judges by its time how large the next is to be.
    func note(_ lane: Int, reaching block: Int, after time: Duration) {
        state.withLock { state in
            state.open[lane] = block
            if time < options.batchTime / 2 {
                state.size = min(Self.mostBlocks, state.size * 2)
            } else if time > options.batchTime {
                state.size = max(1, state.size / 2)
            }
        }
    }

    /// Counts rows; gives the progress.
    func add(written: Int, of read: Int, _ activity: String) -> Progress {
        state.withLock { state in
            state.result.rows += written
            state.result.retried += read - written
            return Progress(activity, rows: state.result.rows, totalRows: expected)
        }
    }

    func add(waited seconds: Double) {
        state.withLock { $0.result.standbySeconds += seconds }
    }

    /// Counts a wait for others, and takes less at a time from then on.
    func yield() {
        state.withLock { state in
            state.result.waits += 1
            state.size = max(1, state.size / 2)
        }
    }
}
