/* Waiting for what only another thread could do. wasi-libc traps there, as it has no threads; a trap ends the
   interpreter. Here it is a wait like anywhere else, which ends when the host interrupts it. */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#define LONG_TIME ((struct timespec){.tv_sec = 3600})

/* Returns 0 after an interrupt too, as a spurious wake-up; callers look at their condition again. CPython takes
   that for a signal, runs the handlers and waits again. */
int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
    (void)condition;
    (void)mutex;
    int error = clock_nanosleep(CLOCK_MONOTONIC, 0, &LONG_TIME, NULL);
    return error == EINTR ? 0 : error;
}
