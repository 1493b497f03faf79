#ifndef PYWASM_SYS_WAIT_H
#define PYWASM_SYS_WAIT_H
#include <sys/types.h>
#define WNOHANG 1
#define WUNTRACED 2
#define WEXITSTATUS(status) (((status) & 0xff00) >> 8)
#define WTERMSIG(status) ((status) & 0x7f)
#define WSTOPSIG(status) WEXITSTATUS(status)
#define WCOREDUMP(status) 0
#define WIFEXITED(status) (!WTERMSIG(status))
#define WIFSTOPPED(status) 0
#define WIFSIGNALED(status) (WTERMSIG(status) != 0)
struct rusage;
pid_t wait(int *);
pid_t waitpid(pid_t, int *, int);
pid_t wait3(int *, int, struct rusage *);
#endif
