/* Processor time from the host's clock; wasi-libc's emulation of these functions reads the monotonic clock. */
#include <errno.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <time.h>
#include <wasi/api.h>

#define NANOSECONDS 1000000000ull
#define MICROSECOND 1000ull
#define TICKS_PER_SECOND 100 /* what sysconf(_SC_CLK_TCK) says */
#define TICK (NANOSECONDS / TICKS_PER_SECOND)

static int processor_time(__wasi_timestamp_t *nanoseconds) {
    __wasi_errno_t error = __wasi_clock_time_get(__WASI_CLOCKID_PROCESS_CPUTIME_ID, 1, nanoseconds);
    if (error != __WASI_ERRNO_SUCCESS) {
        errno = error; /* __WASI_ERRNO_* are errno's numbers */
        return -1;
    }
    return 0;
}

clock_t clock(void) {
    _Static_assert(CLOCKS_PER_SEC == NANOSECONDS, "clock() counts nanoseconds");
    __wasi_timestamp_t now;
    return processor_time(&now) < 0 ? (clock_t)-1 : (clock_t)now;
}

/* All of it is the user's; there are no children. */
clock_t times(struct tms *result) {
    __wasi_timestamp_t processor;
    struct timespec elapsed;
    if (processor_time(&processor) < 0 || clock_gettime(CLOCK_MONOTONIC, &elapsed) < 0) {
        return (clock_t)-1;
    }
    *result = (struct tms){.tms_utime = processor / TICK};
    return (clock_t)elapsed.tv_sec * TICKS_PER_SECOND + elapsed.tv_nsec / TICK;
}

int getrusage(int who, struct rusage *result) {
    *result = (struct rusage){0};
    if (who == RUSAGE_CHILDREN) {
        return 0;
    }
    if (who != RUSAGE_SELF) {
        errno = EINVAL;
        return -1;
    }
    __wasi_timestamp_t now;
    if (processor_time(&now) < 0) {
        return -1;
    }
    result->ru_utime.tv_sec = now / NANOSECONDS;
    result->ru_utime.tv_usec = now % NANOSECONDS / MICROSECOND;
    return 0;
}
