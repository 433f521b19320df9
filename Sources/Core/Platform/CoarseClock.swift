import Glibc

/// Milliseconds of a clock that only goes forward, exact to a few of them: cheap enough to ask for every value.
package enum CoarseClock {
    package static var milliseconds: Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }
}
