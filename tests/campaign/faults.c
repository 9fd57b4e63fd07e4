/* Faults inside writes, for a process that is started with this library preloaded.
 *
 * Every call that changes a file below FAULTS_DIR is counted: write, pwrite, writev, fwrite, fsync,
 * fdatasync, ftruncate, rename, unlink. At call number FAULTS_AT (from 1) this happens:
 *   kill   the process gets SIGKILL before the call
 *   tear   half of the bytes are written, then SIGKILL; calls without bytes are done first
 *   fail   the call fails with ENOSPC (EIO for what writes nothing), and so does every later one
 *   stop   the process gets SIGSTOP before the call, and goes on when it is told to
 * FAULTS_LOG is the path of a file that gets the number of calls when the process ends by itself.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;
static long at;
static const char *dir, *what;

__attribute__((constructor)) void faults_begin(void) { /* again by a fork with its own faults */
    atomic_store(&calls, 0);
    dir = getenv("FAULTS_DIR");
    what = getenv("FAULTS_DO");
    at = getenv("FAULTS_AT") ? atol(getenv("FAULTS_AT")) : 0;
}

__attribute__((destructor)) void faults_end(void) {
    const char *log = getenv("FAULTS_LOG");
    FILE *file = log ? fopen(log, "w") : NULL;
    if (file) {
        fprintf(file, "%ld\n", atomic_load(&calls));
        fclose(file);
    }
}

static int path_is_ours(const char *path) {
    size_t length = dir ? strlen(dir) : 0;
    return length && !strncmp(path, dir, length) && path[length] == '/';
}

static int fd_is_ours(int fd) {
    char link[64], path[PATH_MAX];
    if (!dir) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return path_is_ours(path);
}

enum { GO_ON, FAIL, TEAR };

static int fault(void) {
    long number = atomic_fetch_add(&calls, 1) + 1;
    if (!at || !what || number < at) return GO_ON;
    if (!strcmp(what, "fail")) return FAIL;
    if (number > at) return GO_ON;
    if (!strcmp(what, "kill")) raise(SIGKILL);
    if (!strcmp(what, "stop")) raise(SIGSTOP);
    return strcmp(what, "tear") ? GO_ON : TEAR;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* A call without bytes: done or failed; torn means done and then killed. */
#define PLAIN(ours, call)                     \
    int kind = (ours) ? fault() : GO_ON;      \
    if (kind == FAIL) { errno = EIO; return -1; } \
    int result = (call);                      \
    if (kind == TEAR) raise(SIGKILL);         \
    return result;

ssize_t write(int fd, const void *bytes, size_t count) {
    int kind = fd_is_ours(fd) ? fault() : GO_ON;
    if (kind == FAIL) { errno = ENOSPC; return -1; }
    if (kind == TEAR) { REAL(write)(fd, bytes, count / 2); raise(SIGKILL); }
    return REAL(write)(fd, bytes, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    int kind = fd_is_ours(fd) ? fault() : GO_ON;
    if (kind == FAIL) { errno = ENOSPC; return -1; }
    if (kind == TEAR) { REAL(pwrite64)(fd, bytes, count / 2, offset); raise(SIGKILL); }
    return REAL(pwrite64)(fd, bytes, count, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    return pwrite64(fd, bytes, count, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    int kind = fd_is_ours(fd) ? fault() : GO_ON;
    if (kind == FAIL) { errno = ENOSPC; return -1; }
    if (kind == TEAR) { REAL(writev)(fd, parts, count / 2); raise(SIGKILL); }
    return REAL(writev)(fd, parts, count);
}

size_t fwrite(const void *bytes, size_t size, size_t count, FILE *file) {
    int kind = fd_is_ours(fileno(file)) ? fault() : GO_ON;
    if (kind == FAIL) { errno = ENOSPC; return 0; }
    if (kind == TEAR) { REAL(fwrite)(bytes, size, count / 2, file); fflush(file); raise(SIGKILL); }
    return REAL(fwrite)(bytes, size, count, file);
}

int fsync(int fd) { PLAIN(fd_is_ours(fd), REAL(fsync)(fd)) }
int fdatasync(int fd) { PLAIN(fd_is_ours(fd), REAL(fdatasync)(fd)) }
int ftruncate64(int fd, off64_t size) { PLAIN(fd_is_ours(fd), REAL(ftruncate64)(fd, size)) }
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }
int rename(const char *from, const char *to) { PLAIN(path_is_ours(to), REAL(rename)(from, to)) }
int unlink(const char *path) { PLAIN(path_is_ours(path), REAL(unlink)(path)) }
