#ifndef PYWASM_SIGNAL_H
#define PYWASM_SIGNAL_H
#include_next <signal.h>
#include <sys/types.h>
#undef SIG_DFL
#undef SIG_IGN
#undef SIG_ERR
#define SIG_DFL ((void (*)(int))0)
#define SIG_IGN ((void (*)(int))1)
#define SIG_ERR ((void (*)(int))-1)
#define SIG_BLOCK 0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2
#ifndef SA_RESTART
#define SA_RESTART 0x10000000
#endif
#ifndef SA_NODEFER
#define SA_NODEFER 0x40000000
#endif
#ifndef PYWASM_SIGSET
#define PYWASM_SIGSET
typedef struct { unsigned long words[4]; } pywasm_sigset_t;
#define sigset_t pywasm_sigset_t
#endif
struct sigaction {
    void (*sa_handler)(int);
    sigset_t sa_mask;
    int sa_flags;
};
int sigaction(int, const struct sigaction *, struct sigaction *);
int sigprocmask(int, const sigset_t *, sigset_t *);
int sigsuspend(const sigset_t *);
int sigemptyset(sigset_t *);
int sigfillset(sigset_t *);
int sigaddset(sigset_t *, int);
int sigdelset(sigset_t *, int);
int kill(pid_t, int);
int killpg(pid_t, int);
char *strsignal(int);
#endif
#ifndef SA_NOCLDSTOP
#define SA_NOCLDSTOP 1
#endif
