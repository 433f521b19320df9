#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int clinux_pipe(int ends[2], int capacity) {
    if (pipe2(ends, O_CLOEXEC) != 0) return -1;
    (void)fcntl(ends[1], F_SETPIPE_SZ, capacity);
    return 0;
}

int clinux_not_dumpable(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

int clinux_rename_new(const char *from, const char *to) {
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
}

int clinux_exchange(const char *one, const char *other) {
    return renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
}

int clinux_allocate(int descriptor, off_t size) {
    int code = posix_fallocate(descriptor, 0, size);
    if (code == 0) return 0;
    errno = code;
    return -1;
}

int clinux_memory_file(const char *name, int inherit) {
    return memfd_create(name, inherit ? 0 : MFD_CLOEXEC);
}

int clinux_duplicate(int descriptor) { return fcntl(descriptor, F_DUPFD_CLOEXEC, 0); }

const void *clinux_find(const void *bytes, size_t count, const void *needle, size_t needle_count) {
    return memmem(bytes, count, needle, needle_count);
}

const void *clinux_find_last(const void *bytes, size_t count, int byte) { return memrchr(bytes, byte, count); }

int clinux_syslog(const char *socket_path, const char *text, size_t count) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(socket_path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, socket_path);
    int channel = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (channel < 0) return -1;
    int result = connect(channel, (struct sockaddr *)&address, sizeof address);
    if (result == 0 && send(channel, text, count, MSG_NOSIGNAL) != (ssize_t)count) result = -1;
    int code = errno;
    close(channel);
    errno = code;
    return result;
}
