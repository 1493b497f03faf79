/* Included before everything: what POSIX has and wasi-libc does not declare. */
#ifndef PYWASM_COMPAT_H
#define PYWASM_COMPAT_H
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#ifndef F_DUPFD
#define F_DUPFD 0
#endif
#ifndef F_DUPFD_CLOEXEC
#define F_DUPFD_CLOEXEC 1030
#endif
pid_t fork(void);
pid_t vfork(void);
int execve(const char *, char *const [], char *const []);
int execv(const char *, char *const []);
int execvp(const char *, char *const []);
int dup(int);
int dup2(int, int);
int pipe(int [2]);
pid_t getppid(void);
pid_t getpgrp(void);
pid_t getpgid(pid_t);
pid_t getsid(pid_t);
pid_t setsid(void);
int setpgid(pid_t, pid_t);
uid_t getuid(void);
uid_t geteuid(void);
gid_t getgid(void);
gid_t getegid(void);
int setuid(uid_t);
int setgid(gid_t);
int getgroups(int, gid_t []);
mode_t umask(mode_t);
int kill(pid_t, int);
unsigned alarm(unsigned);
#endif
#ifndef PYWASM_COMPAT_MORE
#define PYWASM_COMPAT_MORE
#ifndef O_CLOEXEC
#define O_CLOEXEC 0
#endif
#ifndef O_PATH
#define O_PATH 0
#endif
#ifndef O_NOATIME
#define O_NOATIME 0
#endif
#ifndef O_NOCTTY
#define O_NOCTTY 0
#endif
struct sched_param;
int chown(const char *, uid_t, gid_t);
int lchown(const char *, uid_t, gid_t);
int fchown(int, uid_t, gid_t);
int fchownat(int, const char *, uid_t, gid_t, int);
int mknod(const char *, mode_t, dev_t);
int mknodat(int, const char *, mode_t, dev_t);
int mkfifo(const char *, mode_t);
int chroot(const char *);
int nice(int);
int getpriority(int, unsigned);
int setpriority(int, unsigned, int);
int gethostname(char *, size_t);
int sethostname(const char *, size_t);
void sync(void);
int syncfs(int);
char *ttyname(int);
int ttyname_r(int, char *, size_t);
char *mktemp(char *);
int mkstemp(char *);
char *mkdtemp(char *);
int fchdir(int);
char *realpath(const char *, char *);
int setgroups(size_t, const gid_t *);
int setresuid(uid_t, uid_t, uid_t);
int setresgid(gid_t, gid_t, gid_t);
int flock(int, int);
int initgroups(const char *, gid_t);
int getgrouplist(const char *, gid_t, gid_t *, int *);
int seteuid(uid_t);
int setegid(gid_t);
pid_t tcgetpgrp(int);
int tcsetpgrp(int, pid_t);
char *getlogin(void);
#endif
#ifndef PYWASM_COMPAT_XATTR
#define PYWASM_COMPAT_XATTR
#define ENODATA 61
#define TIOCNOTTY 0x5422
#define TIOCGWINSZ 0x5413
void tzset(void);
struct timeval;
struct timezone;
int settimeofday(const struct timeval *, const struct timezone *);
static inline ssize_t pywasm_no_attribute(void) { return -1; }
#define xattr_get(...) pywasm_no_attribute()
#define xattr_lget(...) pywasm_no_attribute()
#define xattr_fget(...) pywasm_no_attribute()
#define xattr_list(...) pywasm_no_attribute()
#define xattr_llist(...) pywasm_no_attribute()
#define xattr_flist(...) pywasm_no_attribute()
#define xattr_set(...) pywasm_no_attribute()
#define xattr_lset(...) pywasm_no_attribute()
#define xattr_fset(...) pywasm_no_attribute()
pid_t pywasm_spawnvp(char *const words[], int in, int out);
#endif
