/* Sleeping that an interrupt can end. wasi-libc's clock_nanosleep reports every failure of poll_oneoff as
   ENOTSUP; CPython runs its signal handlers only when it hears EINTR. */
#include <errno.h>
#include <time.h>
#include <wasi/api.h>

/* What a clockid_t points to; wasi-libc keeps the definition to itself. */
struct __clockid {
    __wasi_clockid_t id;
};

#define NANOSECONDS 1000000000ull

int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *wanted, struct timespec *left) {
    if ((flags & ~TIMER_ABSTIME) != 0 || wanted->tv_sec < 0 || wanted->tv_nsec < 0 ||
        (unsigned long long)wanted->tv_nsec >= NANOSECONDS) {
        return EINVAL;
    }
    __wasi_timestamp_t timeout;
    if (__builtin_mul_overflow((unsigned long long)wanted->tv_sec, NANOSECONDS, &timeout) ||
        __builtin_add_overflow(timeout, (unsigned long long)wanted->tv_nsec, &timeout)) {
        return EINVAL;
    }
    __wasi_subscription_t subscription = {
        .u.tag = __WASI_EVENTTYPE_CLOCK,
        .u.u.clock.id = clock->id,
        .u.u.clock.timeout = timeout,
        .u.u.clock.flags = flags & TIMER_ABSTIME ? __WASI_SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME : 0,
    };
    __wasi_event_t event;
    __wasi_size_t count;
    __wasi_errno_t error = __wasi_poll_oneoff(&subscription, &event, 1, &count);
    if (error == __WASI_ERRNO_SUCCESS) {
        error = event.error;
    }
    if (error != __WASI_ERRNO_SUCCESS && left != NULL) {
        *left = (struct timespec){0}; /* how much was left is not told */
    }
    return error; /* __WASI_ERRNO_* are errno's numbers */
}
