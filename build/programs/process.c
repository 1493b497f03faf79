/* POSIX's process functions over the host's. */
#include "process.h"
#include "compat.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <wasi/libc.h>
#include <wasi/libc-find-relpath.h>

extern char **environ;

#define ROOT_DESCRIPTOR (1 << 20)

static int result(int32_t value) {
    if (value < 0) {
        errno = -value;
        return -1;
    }
    return value;
}

/* The root directory has a descriptor out of the way of the shell's small ones. */
__attribute__((constructor(60))) static void start(void) {
    __wasilibc_register_preopened_fd(ROOT_DESCRIPTOR, "/");
    const char *cwd = getenv("PYWASM_CWD");
    if (cwd != NULL) {
        chdir(cwd);
        unsetenv("PYWASM_CWD");
    }
}

pid_t vfork(void) { return result(-ENOSYS); }

pid_t waitpid(pid_t pid, int *status, int flags) {
    int32_t found = 0;
    int answer = result(pywasm_wait(pid, flags, &found));
    if (answer > 0 && status != NULL) {
        *status = found;
    }
    return answer;
}

pid_t wait3(int *status, int flags, struct rusage *usage) {
    if (usage != NULL) {
        memset(usage, 0, sizeof *usage);
    }
    return waitpid(-1, status, flags);
}

pid_t wait(int *status) { return waitpid(-1, status, 0); }

static char *join(char *const words[], size_t *size) {
    *size = 0;
    for (char *const *word = words; *word != NULL; word++) {
        *size += strlen(*word) + 1;
    }
    char *joined = malloc(*size + 1);
    char *end = joined;
    for (char *const *word = words; joined != NULL && *word != NULL; word++) {
        end = stpcpy(end, *word) + 1;
    }
    return joined;
}

/* Replace this process (in < 0) or start another one with these as its standard input and output. */
static int run(const char *path, char *const words[], char *const env[], int in, int out) {
    char cwd[PATH_MAX];
    size_t words_size, env_size;
    if (getcwd(cwd, sizeof cwd) == NULL) {
        return -1;
    }
    char *joined = join(words, &words_size);
    char *joined_env = join(env, &env_size);
    int32_t answer = -ENOMEM;
    if (joined != NULL && joined_env != NULL) {
        int32_t path_size = (int32_t)strlen(path), cwd_size = (int32_t)strlen(cwd);
        answer = in < 0 ? pywasm_exec(path, path_size, joined, (int32_t)words_size, joined_env, (int32_t)env_size,
                                      cwd, cwd_size)
                        : pywasm_spawn(path, path_size, joined, (int32_t)words_size, joined_env,
                                       (int32_t)env_size, cwd, cwd_size, in, out);
    }
    free(joined);
    free(joined_env);
    return result(answer);
}

int execve(const char *path, char *const words[], char *const env[]) { return run(path, words, env, -1, -1); }

/* Try each folder of PATH, as execvp does. */
static int search(char *const words[], int in, int out) {
    const char *name = words[0];
    const char *folders = getenv("PATH");
    if (strchr(name, '/') != NULL || folders == NULL) {
        return run(name, words, environ, in, out);
    }
    int denied = 0;
    while (*folders != 0) {
        char path[PATH_MAX];
        size_t length = strcspn(folders, ":");
        if (length + strlen(name) + 2 <= sizeof path) {
            memcpy(path, folders, length);
            path[length] = '/';
            strcpy(path + length + (length != 0), name);
            int answer = run(path, words, environ, in, out);
            if (answer >= 0 || (errno != ENOENT && errno != ENOTDIR && errno != EACCES)) {
                return answer;
            }
            denied = denied || errno == EACCES;
        }
        folders += length + (folders[length] == ':');
    }
    errno = denied ? EACCES : ENOENT;
    return -1;
}

int execvp(const char *name, char *const words[]) {
    (void)name;
    return search(words, -1, -1);
}

pid_t pywasm_spawnvp(char *const words[], int in, int out) { return search(words, in, out); }

int execv(const char *path, char *const words[]) { return execve(path, words, environ); }

int dup(int fd) { return result(pywasm_dup(fd, 0)); }
int dup2(int fd, int to) { return result(pywasm_dup2(fd, to)); }

int pipe(int ends[2]) {
    int32_t made[2];
    if (result(pywasm_pipe(made)) < 0) {
        return -1;
    }
    ends[0] = made[0];
    ends[1] = made[1];
    return 0;
}

int __real_fcntl(int, int, ...);

int __wrap_fcntl(int fd, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    int value = va_arg(arguments, int);
    va_end(arguments);
    switch (command) {
    case F_DUPFD:
        return result(pywasm_dup(fd, value));
    case F_DUPFD_CLOEXEC: {
        int made = result(pywasm_dup(fd, value));
        if (made >= 0) {
            pywasm_close_on_exec(made, 1);
        }
        return made;
    }
    case F_SETFD:
        return result(pywasm_close_on_exec(fd, value & FD_CLOEXEC));
    case F_GETFD:
        return result(pywasm_close_on_exec(fd, -1));
    default:
        return __real_fcntl(fd, command, value);
    }
}

pid_t getpid(void) { return pywasm_id(0); }
pid_t getppid(void) { return pywasm_id(1); }
pid_t getpgrp(void) { return pywasm_id(2); }
pid_t getpgid(pid_t pid) { return pywasm_id(2); }
pid_t getsid(pid_t pid) { return pywasm_id(2); }
pid_t setsid(void) { return pywasm_id(2); }
int setpgid(pid_t pid, pid_t group) { return 0; }
uid_t getuid(void) { return 1000; }
uid_t geteuid(void) { return 1000; }
gid_t getgid(void) { return 1000; }
gid_t getegid(void) { return 1000; }
int setuid(uid_t user) { return 0; }
int setgid(gid_t group) { return 0; }
int getgroups(int size, gid_t groups[]) {
    if (size > 0) {
        groups[0] = 1000;
    }
    return 1;
}
unsigned alarm(unsigned seconds) { return 0; }

static mode_t mask = 022;
mode_t umask(mode_t value) {
    mode_t before = mask;
    mask = value & 0777;
    return before;
}

static struct passwd user = {"user", "x", 1000, 1000, "", "/home/user", "/bin/sh"};
static struct group users = {"user", "x", 1000, NULL};
struct passwd *getpwnam(const char *name) { return strcmp(name, user.pw_name) == 0 ? &user : NULL; }
struct passwd *getpwuid(uid_t id) { return id == user.pw_uid ? &user : NULL; }
struct group *getgrnam(const char *name) { return strcmp(name, users.gr_name) == 0 ? &users : NULL; }
struct group *getgrgid(gid_t id) { return id == users.gr_gid ? &users : NULL; }

/* -- opening: Linux's O_RDONLY is 0, wasi-libc's is not -- */

int __real_openat(int, const char *, int, ...);

int __wrap_openat(int fd, const char *path, int flags, ...) {
    return __real_openat(fd, path, flags & O_ACCMODE ? flags : flags | O_RDONLY);
}

int __real_open(const char *, int, ...);

int __wrap_open(const char *path, int flags, ...) {
    return __real_open(path, flags & O_ACCMODE ? flags : flags | O_RDONLY);
}

/* -- permission bits, which WASI's attributes do not have -- */

int __real_fstatat(int, const char *, struct stat *, int);
int __real_stat(const char *, struct stat *);
int __real_lstat(const char *, struct stat *);
int __real_fstat(int, struct stat *);

static void add_mode(int fd, const char *path, struct stat *attributes, int follow) {
    int32_t mode = pywasm_get_mode(fd, path, path == NULL ? 0 : (int32_t)strlen(path), follow);
    if (mode >= 0) {
        attributes->st_mode |= mode;
    }
    attributes->st_uid = attributes->st_gid = 1000;
    attributes->st_blksize = 4096;
    attributes->st_blocks = (attributes->st_size + 511) / 512;
}

static const char *absolute(const char *path, char *buffer) {
    if (path[0] == '/' || getcwd(buffer, PATH_MAX) == NULL || strlen(buffer) + strlen(path) + 2 > PATH_MAX * 2) {
        return path;
    }
    strcat(buffer, "/");
    return strcat(buffer, path);
}

int __wrap_stat(const char *path, struct stat *attributes) {
    char buffer[PATH_MAX * 2];
    int answer = __real_stat(path, attributes);
    if (answer == 0) {
        add_mode(-1, absolute(path, buffer), attributes, 1);
    }
    return answer;
}

int __wrap_lstat(const char *path, struct stat *attributes) {
    char buffer[PATH_MAX * 2];
    int answer = __real_lstat(path, attributes);
    if (answer == 0) {
        add_mode(-1, absolute(path, buffer), attributes, 0);
    }
    return answer;
}

int __wrap_fstatat(int fd, const char *path, struct stat *attributes, int flags) {
    char buffer[PATH_MAX * 2];
    int answer = __real_fstatat(fd, path, attributes, flags);
    if (answer == 0) {
        int follow = !(flags & AT_SYMLINK_NOFOLLOW);
        add_mode(fd == AT_FDCWD ? -1 : fd, fd == AT_FDCWD ? absolute(path, buffer) : path, attributes, follow);
    }
    return answer;
}

int __wrap_fstat(int fd, struct stat *attributes) {
    int answer = __real_fstat(fd, attributes);
    if (answer == 0) {
        add_mode(fd, NULL, attributes, 1);
    }
    return answer;
}

static int set_mode(int fd, const char *path, mode_t mode) {
    return result(pywasm_set_mode(fd, path, path == NULL ? 0 : (int32_t)strlen(path), (int32_t)(mode & 07777)));
}

int __wrap_chmod(const char *path, mode_t mode) {
    char buffer[PATH_MAX * 2];
    return set_mode(-1, absolute(path, buffer), mode);
}

int __wrap_fchmod(int fd, mode_t mode) { return set_mode(fd, NULL, mode); }

int __wrap_fchmodat(int fd, const char *path, mode_t mode, int flags) {
    return fd == AT_FDCWD ? __wrap_chmod(path, mode) : set_mode(fd, path, mode);
}

/* -- signals: none arrive from outside; what is set is remembered, for traps and for raise() -- */

typedef void (*handler)(int);
static handler handlers[_NSIG];

int sigaction(int number, const struct sigaction *action, struct sigaction *before) {
    if (number < 1 || number >= _NSIG) {
        errno = EINVAL;
        return -1;
    }
    if (before != NULL) {
        memset(before, 0, sizeof *before);
        before->sa_handler = handlers[number];
    }
    if (action != NULL) {
        handlers[number] = action->sa_handler;
    }
    return 0;
}

handler signal(int number, handler action) {
    handler before = handlers[number];
    handlers[number] = action;
    return before;
}

int raise(int number) { return kill(getpid(), number); }

int kill(pid_t pid, int number) {
    if (pid == getpid() && number > 0 && number < _NSIG && handlers[number] != SIG_DFL) {
        if (handlers[number] != SIG_IGN) {
            handlers[number](number);
        }
        return 0;
    }
    return result(pywasm_kill(pid, number));
}

int sigprocmask(int how, const sigset_t *set, sigset_t *before) { return 0; }
int sigemptyset(sigset_t *set) {
    memset(set, 0, sizeof *set);
    return 0;
}
int sigfillset(sigset_t *set) {
    memset(set, 0xff, sizeof *set);
    return 0;
}
int sigaddset(sigset_t *set, int number) { return 0; }
int sigdelset(sigset_t *set, int number) { return 0; }

/* Wait until a child has ended; its handler is told as the signal would. */
int sigsuspend(const sigset_t *set) {
    pywasm_wait(-1, 0x100, NULL);
    if (handlers[SIGCHLD] != SIG_DFL && handlers[SIGCHLD] != SIG_IGN) {
        handlers[SIGCHLD](SIGCHLD);
    }
    errno = EINTR;
    return -1;
}

int killpg(pid_t group, int number) { return kill(-group, number); }

char *strsignal(int number) {
    static const struct { int number; char *text; } names[] = {
        {SIGHUP, "Hangup"}, {SIGINT, "Interrupt"}, {SIGQUIT, "Quit"}, {SIGABRT, "Aborted"}, {SIGKILL, "Killed"},
        {SIGSEGV, "Segmentation fault"}, {SIGPIPE, "Broken pipe"}, {SIGTERM, "Terminated"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].number == number) {
            return names[i].text;
        }
    }
    return "Unknown signal";
}

/* -- one user, one group, no owners, no priorities, no devices -- */

static int found(void *record, void **where) {
    *where = record;
    return 0;
}
int getpwnam_r(const char *name, struct passwd *entry, char *text, size_t size, struct passwd **where) {
    struct passwd *known = getpwnam(name);
    return found(known ? memcpy(entry, known, sizeof *entry) : NULL, (void **)where);
}
int getpwuid_r(uid_t id, struct passwd *entry, char *text, size_t size, struct passwd **where) {
    struct passwd *known = getpwuid(id);
    return found(known ? memcpy(entry, known, sizeof *entry) : NULL, (void **)where);
}
int getgrnam_r(const char *name, struct group *entry, char *text, size_t size, struct group **where) {
    struct group *known = getgrnam(name);
    return found(known ? memcpy(entry, known, sizeof *entry) : NULL, (void **)where);
}
int getgrgid_r(gid_t id, struct group *entry, char *text, size_t size, struct group **where) {
    struct group *known = getgrgid(id);
    return found(known ? memcpy(entry, known, sizeof *entry) : NULL, (void **)where);
}
int getgrouplist(const char *name, gid_t group, gid_t *groups, int *count) {
    groups[0] = group;
    return *count = 1;
}
int initgroups(const char *name, gid_t group) { return 0; }
int setgroups(size_t count, const gid_t *groups) { return 0; }
int chown(const char *path, uid_t user, gid_t group) { return 0; }
int lchown(const char *path, uid_t user, gid_t group) { return 0; }
int fchown(int fd, uid_t user, gid_t group) { return 0; }
int fchownat(int fd, const char *path, uid_t user, gid_t group, int flags) { return 0; }
static int unsupported(void) {
    errno = ENOSYS;
    return -1;
}
int mknod(const char *path, mode_t mode, dev_t device) { return unsupported(); }
int mknodat(int fd, const char *path, mode_t mode, dev_t device) { return unsupported(); }
int mkfifo(const char *path, mode_t mode) { return unsupported(); }
int settimeofday(const struct timeval *now, const struct timezone *zone) { return unsupported(); }
int gethostname(char *name, size_t size) {
    strncpy(name, "sandbox", size);
    return 0;
}
void sync(void) {}
int syncfs(int fd) { return 0; }
void tzset(void) {}
char *ttyname(int fd) { return NULL; }
int ttyname_r(int fd, char *name, size_t size) { return ENOTTY; }
int tcgetattr(int fd, struct termios *settings) { return unsupported(); }
int tcsetattr(int fd, int when, const struct termios *settings) { return unsupported(); }
int flock(int fd, int operation) { return 0; }
int fchdir(int fd) { return unsupported(); }

/* -- temporary files -- */

static int make_name(char *template, int (*make)(const char *)) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    size_t length = strlen(template);
    if (length < 6 || strcmp(template + length - 6, "XXXXXX") != 0) {
        errno = EINVAL;
        return -1;
    }
    for (int attempt = 0; attempt < 100; attempt++) {
        unsigned char random[6];
        getentropy(random, sizeof random);
        for (int i = 0; i < 6; i++) {
            template[length - 6 + i] = letters[random[i] % (sizeof letters - 1)];
        }
        int answer = make(template);
        if (answer >= 0 || errno != EEXIST) {
            return answer;
        }
    }
    return -1;
}

static int make_file(const char *path) { return open(path, O_RDWR | O_CREAT | O_EXCL, 0600); }
static int make_folder(const char *path) { return mkdir(path, 0700); }
int mkstemp(char *template) { return make_name(template, make_file); }
char *mkdtemp(char *template) { return make_name(template, make_folder) < 0 ? NULL : template; }
unsigned terminal_size(unsigned *columns, unsigned *rows) { return 0; }
