#pragma once
#include <stddef.h>
#include <sys/types.h>

// What Swift's Glibc module lacks: functions that need _GNU_SOURCE or are variadic.

/// Makes a pipe closed on exec and asks for `capacity` bytes of it; the size is a wish, not an error.
int clinux_pipe(int ends[2], int capacity);

/// Forbids core dumps and ptrace by other processes of the same user: secrets live in this process.
int clinux_not_dumpable(void);

/// Renames, failing with EEXIST when the target exists.
int clinux_rename_new(const char *from, const char *to);

/// Exchanges two names at once, so that neither is ever missing.
int clinux_exchange(const char *one, const char *other);

/// Reserves `size` bytes for the file, whether or not the file system supports it natively.
int clinux_allocate(int descriptor, off_t size);

/// An anonymous file in memory, closed on exec unless `inherit`.
int clinux_memory_file(const char *name, int inherit);

/// A second descriptor for the same file, closed on exec.
int clinux_duplicate(int descriptor);

/// Where `needle` first stands in `bytes`; null when it does not.
const void *clinux_find(const void *bytes, size_t count, const void *needle, size_t needle_count);

/// The same, where `needle` is in small letters and `bytes` may have them in either case; other bytes than ASCII's letters count
/// as they are.
const void *clinux_find_caseless(const void *bytes, size_t count, const void *needle, size_t needle_count);

/// Where `byte` last stands in `bytes`; null when it does not.
const void *clinux_find_last(const void *bytes, size_t count, int byte);

/// Sends one message to the system's log, whose socket has this path.
int clinux_syslog(const char *socket_path, const char *text, size_t count);
