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

/// 0x20 for a letter, whose two cases differ in that bit alone; 0 for any other byte.
static unsigned char case_bit(unsigned char byte) { return byte >= 'a' && byte <= 'z' ? 0x20 : 0; }

const void *clinux_find_caseless(const void *bytes, size_t count, const void *needle, size_t needle_count) {
    const unsigned char *hay = bytes, *wanted = needle;
    if (needle_count == 0 || needle_count > count) return needle_count == 0 ? bytes : NULL;
    const unsigned char first = wanted[0], last = wanted[needle_count - 1];
    const unsigned char first_bit = case_bit(first), last_bit = case_bit(last);
    const size_t places = count - needle_count + 1;
    size_t place = 0;
    while (place < places) {
        // Without a branch inside, so that the compiler makes it one comparison of many bytes.
        if (places - place >= 64) {
            const unsigned char *front = hay + place, *back = front + needle_count - 1;
            unsigned char any = 0;
            for (int i = 0; i < 64; i++) any |= ((front[i] | first_bit) == first) & ((back[i] | last_bit) == last);
            if (!any) {
                place += 64;
                continue;
            }
        }
        const size_t end = places - place >= 64 ? place + 64 : places;
        for (; place < end; place++) {
            if ((hay[place] | first_bit) != first) continue;
            size_t i = 1;
            while (i < needle_count && (hay[place + i] | case_bit(wanted[i])) == wanted[i]) i++;
            if (i == needle_count) return hay + place;
        }
    }
    return NULL;
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
