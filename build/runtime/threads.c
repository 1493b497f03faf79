/* POSIX threads, of which one runs at a time. Each has a stack of the host's and one in linear memory; the host
   switches between them when asked to (thread_switch). All else is here: who waits for what, and who is next.

   A thread goes on until it waits: for a condition, another thread, a moment, or a descriptor. The host can make
   CPython's evaluation loop yield in between, as if another thread had asked for the interpreter's lock. Threads that
   can go on do so in the order in which they came to be able to. */
#define Py_BUILD_CORE 1
#include <Python.h>
#include <internal/pycore_ceval.h>
#include <internal/pycore_pystate.h>
#include <internal/pycore_runtime.h>
#include <internal/pycore_tstate.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wasi/api.h>

#include "pywasm.h"

#define STACK_BYTES (1u << 20)
#define STACK_MARGIN (64u << 10)
#define KEYS 64
#define NEVER UINT64_MAX
#define SECOND 1000000000ull
/* How often a thread that waits for descriptors looks at them while others wait as well. */
#define POLL_SLICE (3 * SECOND / 1000)
#define SUBSCRIPTIONS 64

enum state { READY, RUNNING, WAITING, DONE };
enum outcome { WOKEN, TIMED_OUT, INTERRUPTED };

struct thread {
    struct thread *next;        /* of all */
    struct thread *next_ready;
    void *(*start)(void *);
    void *argument, *result;
    char *stack;                /* NULL for the main thread */
    const void *waits_for;
    uint64_t deadline;
    uint64_t since;             /* the order in which they began to wait */
    int32_t id;                 /* the host's */
    enum state state;
    enum outcome outcome;
    bool detached;
    void *specific[KEYS];
};

static struct thread main_thread = {.state = RUNNING, .deadline = NEVER};
static struct thread *all = &main_thread, *current = &main_thread;
static struct thread *first_ready, *last_ready, *to_free;
static uint64_t waits;
static bool main_was_told;
static bool key_used[KEYS];
static uint32_t ready_count;
volatile uint32_t pywasm_wanted_turns;

__wasi_errno_t __real___wasi_poll_oneoff(const __wasi_subscription_t *, __wasi_event_t *, size_t, __wasi_size_t *);
__wasi_errno_t __real___wasi_fd_read(__wasi_fd_t, const __wasi_iovec_t *, size_t, __wasi_size_t *);
__wasi_errno_t __real___wasi_sock_recv(__wasi_fd_t, const __wasi_iovec_t *, size_t, __wasi_riflags_t, __wasi_size_t *,
                                       __wasi_roflags_t *);
__wasi_errno_t __real___wasi_sock_accept(__wasi_fd_t, __wasi_fdflags_t, __wasi_fd_t *);

static bool alone(void) { return all->next == NULL; }

static uint64_t clock_now(__wasi_clockid_t clock) {
    __wasi_timestamp_t now = 0;
    (void)__wasi_clock_time_get(clock, 1, &now);
    return now;
}

static uint64_t monotonic(void) { return clock_now(__WASI_CLOCKID_MONOTONIC); }

static uint64_t later(uint64_t now, uint64_t span) { return span > NEVER - 1 - now ? NEVER - 1 : now + span; }

static void append_ready(struct thread *thread) {
    thread->state = READY;
    thread->next_ready = NULL;
    if (first_ready == NULL) {
        first_ready = thread;
    }
    else {
        last_ready->next_ready = thread;
    }
    last_ready = thread;
    ready_count++;
    pywasm_wanted_turns++;
}

static struct thread *take_ready(void) {
    struct thread *thread = first_ready;
    if (thread != NULL) {
        first_ready = thread->next_ready;
        ready_count--;
        pywasm_wanted_turns--;
    }
    return thread;
}

static void wake(struct thread *thread, enum outcome outcome) {
    thread->outcome = outcome;
    if (thread->deadline != NEVER) {
        pywasm_wanted_turns--;
    }
    append_ready(thread);
}

/* Signals are the main thread's; it is told of each once. */
static void tell_main(void) {
    if (!_PyRuntime.signals.is_tripped) {
        main_was_told = false;
    }
    else if (!main_was_told && main_thread.state == WAITING) {
        main_was_told = true;
        wake(&main_thread, INTERRUPTED);
    }
}

/* The one of those that wait for a moment whose turn is first. */
static struct thread *next_sleeper(void) {
    struct thread *first = NULL;
    for (struct thread *thread = all; thread != NULL; thread = thread->next) {
        if (thread->state == WAITING && thread->deadline != NEVER &&
            (first == NULL || thread->deadline < first->deadline ||
             (thread->deadline == first->deadline && thread->since < first->since))) {
            first = thread;
        }
    }
    return first;
}

/* Wake those whose time has come; when the next one's comes. */
static uint64_t wake_sleepers(void) {
    struct thread *thread = next_sleeper();
    uint64_t now = thread == NULL ? 0 : monotonic();
    while (thread != NULL && thread->deadline <= now) {
        wake(thread, TIMED_OUT);
        thread = next_sleeper();
    }
    return thread == NULL ? NEVER : thread->deadline;
}

/* Nobody will ever go on: the main thread gets a signal that raises. False: it was told, and waits on. */
static bool declare_deadlock(void) {
    if (main_thread.state != WAITING || _PyRuntime.signals.is_tripped) {
        return false;
    }
    pywasm_interrupt_reason = PYWASM_DEADLOCK;
    _PyRuntime.signals.handlers[SIGINT].tripped = 1;
    _PyRuntime.signals.is_tripped = 1;
    _Py_set_eval_breaker_bit(_PyRuntime.main_tstate, _PY_SIGNALS_PENDING_BIT);
    return true;
}

static void sleep_until(uint64_t deadline) {
    __wasi_subscription_t subscription = {
        .u.tag = __WASI_EVENTTYPE_CLOCK,
        .u.u.clock.id = __WASI_CLOCKID_MONOTONIC,
        .u.u.clock.timeout = deadline,
        .u.u.clock.flags = __WASI_SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME,
    };
    __wasi_event_t event;
    __wasi_size_t count;
    if (__real___wasi_poll_oneoff(&subscription, &event, 1, &count) == __WASI_ERRNO_INTR) {
        main_was_told = false;
    }
}

/* Who goes on. The current thread waits or is done; it may be the one. */
static struct thread *choose(void) {
    for (;;) {
        tell_main();
        uint64_t next = wake_sleepers();
        struct thread *thread = take_ready();
        if (thread != NULL) {
            return thread;
        }
        if (next == NEVER && declare_deadlock()) {
            continue;
        }
        sleep_until(next == NEVER ? later(monotonic(), 3600 * SECOND) : next);
    }
}

static void free_dead(void) {
    if (to_free != NULL) {
        free(to_free->stack);
        to_free->stack = NULL;
        if (to_free->detached) {
            free(to_free);
        }
        to_free = NULL;
    }
}

/* What CPython takes for the thread's own (_Py_thread_local) is one variable for all here. A thread of C code has
   none of Python's states, also while another one waits that has kept its own and CPython's lock. */
static void go_on_with(struct thread *thread) {
    thread->state = RUNNING;
    if (thread != current) {
        PyThreadState *own = _Py_tss_tstate;
        current = thread;
        pywasm_host_thread_switch(thread->id);
        _Py_tss_tstate = own;
        free_dead();
    }
}

static enum outcome block(const void *object, uint64_t deadline) {
    struct thread *me = current;
    me->state = WAITING;
    me->waits_for = object;
    me->deadline = deadline;
    me->since = ++waits;
    if (deadline != NEVER) {
        pywasm_wanted_turns++;
    }
    go_on_with(choose());
    me->waits_for = NULL;
    me->deadline = NEVER;
    return me->outcome;
}

static void yield(void) {
    append_ready(current);
    go_on_with(choose());
}

/* Wake the thread that has waited longest; false if none does. */
static bool wake_one(const void *object) {
    struct thread *found = NULL;
    for (struct thread *thread = all; thread != NULL; thread = thread->next) {
        if (thread->state == WAITING && thread->waits_for == object &&
            (found == NULL || thread->since < found->since)) {
            found = thread;
        }
    }
    if (found != NULL) {
        wake(found, WOKEN);
    }
    return found != NULL;
}

static void wake_all(const void *object) {
    while (wake_one(object)) {
    }
}

static void forget(struct thread *thread) {
    struct thread **link = &all;
    while (*link != thread) {
        link = &(*link)->next;
    }
    *link = thread->next;
}

/* ---- threads */

pthread_t pthread_self(void) { return (pthread_t)current; }

/* CPython made the state of the new thread just now: its stack is ours. */
static void limit_recursion(const char *stack) {
    _PyThreadStateImpl *state = (_PyThreadStateImpl *)_PyInterpreterState_GET()->threads.head;
    if (state->c_stack_hard_limit == 0) {
        state->c_stack_top = (uintptr_t)stack + STACK_BYTES;
        state->c_stack_hard_limit = (uintptr_t)stack + STACK_MARGIN;
        state->c_stack_soft_limit = (uintptr_t)stack + 2 * STACK_MARGIN;
    }
}

int pthread_create(pthread_t *restrict handle, const pthread_attr_t *restrict attributes, void *(*start)(void *),
                   void *restrict argument) {
    (void)attributes;
    struct thread *thread = calloc(1, sizeof *thread);
    if (thread == NULL || posix_memalign((void **)&thread->stack, 16, STACK_BYTES) != 0) {
        free(thread);
        return EAGAIN;
    }
    thread->id = pywasm_host_thread_new(thread, thread->stack + STACK_BYTES);
    if (thread->id < 0) {
        free(thread->stack);
        free(thread);
        return EAGAIN;
    }
    limit_recursion(thread->stack);
    thread->start = start;
    thread->argument = argument;
    thread->deadline = NEVER;
    thread->next = all;
    all = thread;
    append_ready(thread);
    *handle = (pthread_t)thread;
    return 0;
}

/* A thread's life, on its own stacks; the host calls it at the first switch. Returns who goes on. */
PYWASM_EXPORT("pywasm_thread") int32_t pywasm_thread(struct thread *me) {
    free_dead();
    _Py_tss_tstate = NULL;
    me->result = me->start(me->argument);
    me->state = DONE;
    forget(me);
    wake_all(me);
    struct thread *next = choose();
    to_free = me;
    next->state = RUNNING;
    current = next;
    return next->id;
}

int pthread_join(pthread_t handle, void **result) {
    struct thread *thread = (struct thread *)handle;
    while (thread->state != DONE) {
        block(thread, NEVER);
    }
    if (result != NULL) {
        *result = thread->result;
    }
    if (to_free == thread || thread->stack != NULL) {
        thread->detached = true; /* its stack is freed with it */
    }
    else {
        free(thread);
    }
    return 0;
}

int pthread_detach(pthread_t handle) {
    struct thread *thread = (struct thread *)handle;
    if (thread->state == DONE && thread->stack == NULL) {
        free(thread);
    }
    else {
        thread->detached = true;
    }
    return 0;
}

int sched_yield(void) {
    if (!alone()) {
        yield();
    }
    return 0;
}

/* ---- mutexes: held across a wait, or not noticed at all */

int pthread_mutex_lock(pthread_mutex_t *mutex) {
    int *type = &mutex->__u.__i[0], *count = &mutex->__u.__i[5];
    volatile void *volatile *owner = &mutex->__u.__p[1];
    if (*owner == current && (*type & 3) == PTHREAD_MUTEX_RECURSIVE) {
        ++*count;
        return 0;
    }
    while (*owner != NULL) {
        block(mutex, NEVER);
    }
    *owner = current;
    return 0;
}

int pthread_mutex_trylock(pthread_mutex_t *mutex) {
    volatile void *owner = mutex->__u.__p[1];
    bool again = owner == current && (mutex->__u.__i[0] & 3) == PTHREAD_MUTEX_RECURSIVE;
    return owner == NULL || again ? pthread_mutex_lock(mutex) : EBUSY;
}

int pthread_mutex_unlock(pthread_mutex_t *mutex) {
    if (mutex->__u.__i[5] > 0) {
        --mutex->__u.__i[5];
        return 0;
    }
    mutex->__u.__p[1] = NULL;
    wake_one(mutex);
    return 0;
}

/* ---- conditions: the first word is their clock */

int pthread_condattr_setclock(pthread_condattr_t *attributes, clockid_t clock) {
    attributes->__attr = clock == CLOCK_MONOTONIC;
    return 0;
}

int pthread_cond_init(pthread_cond_t *restrict condition, const pthread_condattr_t *restrict attributes) {
    memset(condition, 0, sizeof *condition);
    condition->__u.__i[0] = attributes != NULL && attributes->__attr == 1;
    return 0;
}

int pthread_cond_destroy(pthread_cond_t *condition) {
    (void)condition;
    return 0;
}

int pthread_cond_signal(pthread_cond_t *condition) {
    wake_one(condition);
    return 0;
}

int pthread_cond_broadcast(pthread_cond_t *condition) {
    wake_all(condition);
    return 0;
}

static bool is_switch_condition(const pthread_cond_t *condition) {
    return condition == &_PyRuntime.interpreters.main->ceval.gil->switch_cond;
}

/* An interrupt ends the wait as if it were a spurious wake-up. CPython takes that for a signal, runs the handlers
   and waits again. */
static int wait_for_condition(pthread_cond_t *condition, pthread_mutex_t *mutex, uint64_t deadline) {
    pthread_mutex_unlock(mutex);
    enum outcome outcome = WOKEN;
    if (is_switch_condition(condition)) {
        yield(); /* to give the others a turn is all that it is for */
    }
    else {
        outcome = block(condition, deadline);
    }
    pthread_mutex_lock(mutex);
    return outcome == TIMED_OUT ? ETIMEDOUT : 0;
}

int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
    return wait_for_condition(condition, mutex, NEVER);
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
    uint64_t moment = (uint64_t)until->tv_sec * SECOND + (uint64_t)until->tv_nsec;
    if (until->tv_sec < 0) {
        moment = 0;
    }
    else if ((uint64_t)until->tv_sec > NEVER / SECOND - 1) {
        moment = NEVER - 1;
    }
    uint64_t now = clock_now(condition->__u.__i[0] ? __WASI_CLOCKID_MONOTONIC : __WASI_CLOCKID_REALTIME);
    return wait_for_condition(condition, mutex, later(monotonic(), moment > now ? moment - now : 0));
}

/* ---- what is each thread's own */

int pthread_key_create(pthread_key_t *key, void (*destructor)(void *)) {
    (void)destructor;
    for (unsigned i = 0; i < KEYS; i++) {
        if (!key_used[i]) {
            key_used[i] = true;
            *key = i;
            return 0;
        }
    }
    return EAGAIN;
}

int pthread_key_delete(pthread_key_t key) {
    if (key >= KEYS) {
        return EINVAL;
    }
    key_used[key] = false;
    for (struct thread *thread = all; thread != NULL; thread = thread->next) {
        thread->specific[key] = NULL;
    }
    return 0;
}

void *pthread_getspecific(pthread_key_t key) { return key < KEYS ? current->specific[key] : NULL; }

int pthread_setspecific(pthread_key_t key, const void *value) {
    if (key >= KEYS) {
        return EINVAL;
    }
    current->specific[key] = (void *)value;
    return 0;
}

/* ---- waiting for the world */

/* When a subscription to a clock ends. */
static uint64_t end_of(const __wasi_subscription_t *subscription) {
    const __wasi_subscription_clock_t *clock = &subscription->u.u.clock;
    uint64_t now = monotonic();
    if ((clock->flags & __WASI_SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME) == 0) {
        return later(now, clock->timeout);
    }
    uint64_t on_it = clock->id == __WASI_CLOCKID_MONOTONIC ? now : clock_now(clock->id);
    return later(now, clock->timeout > on_it ? clock->timeout - on_it : 0);
}

__wasi_errno_t __wrap___wasi_poll_oneoff(const __wasi_subscription_t *in, __wasi_event_t *out, size_t count,
                                         __wasi_size_t *found) {
    if (alone() || count == 0 || count > SUBSCRIPTIONS) {
        return __real___wasi_poll_oneoff(in, out, count, found);
    }
    /* The descriptors and a clock that never waits; the caller's clocks are waited for here. */
    __wasi_subscription_t now[SUBSCRIPTIONS + 1];
    __wasi_event_t events[SUBSCRIPTIONS + 1];
    size_t asked = 0;
    uint64_t deadline = NEVER;
    const __wasi_subscription_t *timer = NULL;
    for (size_t i = 0; i < count; i++) {
        if (in[i].u.tag != __WASI_EVENTTYPE_CLOCK) {
            now[asked++] = in[i];
            continue;
        }
        if (in[i].u.u.clock.id > __WASI_CLOCKID_MONOTONIC) {
            return __real___wasi_poll_oneoff(in, out, count, found);
        }
        uint64_t end = end_of(&in[i]);
        if (end < deadline) {
            deadline = end;
            timer = &in[i];
        }
    }
    size_t descriptors = asked;
    now[asked++] = (__wasi_subscription_t){.u.tag = __WASI_EVENTTYPE_CLOCK, .u.u.clock.id = __WASI_CLOCKID_MONOTONIC};
    for (;;) {
        if (descriptors > 0) {
            __wasi_errno_t error = __real___wasi_poll_oneoff(now, events, asked, found);
            if (error != __WASI_ERRNO_SUCCESS) {
                return error;
            }
            size_t ready = 0;
            for (size_t i = 0; i < *found; i++) {
                if (events[i].type != __WASI_EVENTTYPE_CLOCK) {
                    out[ready++] = events[i];
                }
            }
            if (ready > 0) {
                *found = ready;
                return __WASI_ERRNO_SUCCESS;
            }
        }
        uint64_t moment = monotonic();
        if (deadline <= moment && timer != NULL && descriptors > 0) {
            break;
        }
        uint64_t until = descriptors > 0 && deadline > later(moment, POLL_SLICE) ? later(moment, POLL_SLICE) : deadline;
        if (block(NULL, until) == INTERRUPTED) {
            return __WASI_ERRNO_INTR;
        }
        if (descriptors == 0) {
            break;
        }
    }
    *out = (__wasi_event_t){.userdata = timer->userdata, .type = __WASI_EVENTTYPE_CLOCK};
    *found = 1;
    return __WASI_ERRNO_SUCCESS;
}

/* Wait until a descriptor can be read, unless it never waits. */
static __wasi_errno_t wait_readable(__wasi_fd_t fd) {
    __wasi_fdstat_t status;
    if (alone() || __wasi_fd_fdstat_get(fd, &status) != __WASI_ERRNO_SUCCESS ||
        status.fs_filetype == __WASI_FILETYPE_REGULAR_FILE || (status.fs_flags & __WASI_FDFLAGS_NONBLOCK) != 0) {
        return __WASI_ERRNO_SUCCESS;
    }
    __wasi_subscription_t subscription = {
        .u.tag = __WASI_EVENTTYPE_FD_READ,
        .u.u.fd_read.file_descriptor = fd,
    };
    __wasi_event_t event;
    __wasi_size_t count;
    __wasi_errno_t error = __wrap___wasi_poll_oneoff(&subscription, &event, 1, &count);
    return error == __WASI_ERRNO_INTR ? error : __WASI_ERRNO_SUCCESS;
}

__wasi_errno_t __wrap___wasi_fd_read(__wasi_fd_t fd, const __wasi_iovec_t *vectors, size_t count,
                                     __wasi_size_t *size) {
    __wasi_errno_t error = wait_readable(fd);
    return error ? error : __real___wasi_fd_read(fd, vectors, count, size);
}

__wasi_errno_t __wrap___wasi_sock_recv(__wasi_fd_t fd, const __wasi_iovec_t *vectors, size_t count,
                                       __wasi_riflags_t flags, __wasi_size_t *size, __wasi_roflags_t *told) {
    __wasi_errno_t error = wait_readable(fd);
    return error ? error : __real___wasi_sock_recv(fd, vectors, count, flags, size, told);
}

__wasi_errno_t __wrap___wasi_sock_accept(__wasi_fd_t fd, __wasi_fdflags_t flags, __wasi_fd_t *accepted) {
    __wasi_errno_t error = wait_readable(fd);
    return error ? error : __real___wasi_sock_accept(fd, flags, accepted);
}

/* ---- for the guest's Python code */

/* run_threads(seconds): let the others go on until all wait, for so long at most; how many still could. */
PyObject *pywasm_run_threads(PyObject *module, PyObject *argument) {
    (void)module;
    double seconds = PyFloat_AsDouble(argument);
    if (seconds == -1.0 && PyErr_Occurred()) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS;
    uint64_t end = later(monotonic(), (uint64_t)(seconds * (double)SECOND));
    while (!alone()) {
        (void)wake_sleepers();
        if (first_ready == NULL || _PyRuntime.signals.is_tripped) {
            break;
        }
        yield();
        if (monotonic() >= end) {
            break;
        }
    }
    Py_END_ALLOW_THREADS;
    return PyLong_FromUnsignedLong(ready_count);
}

/* forget_threads(): this is a copy of an interpreter whose other threads stayed behind. Their number. */
PyObject *pywasm_forget_threads(PyObject *module, PyObject *ignored) {
    (void)module;
    (void)ignored;
    long count = 0;
    for (struct thread *thread = all, *next; thread != NULL; thread = next) {
        next = thread->next;
        if (thread != &main_thread) {
            count++;
            thread->state = DONE;
            free(thread->stack);
            thread->stack = NULL;
        }
    }
    all = &main_thread;
    main_thread.next = NULL;
    first_ready = to_free = NULL;
    ready_count = pywasm_wanted_turns = 0;
    return PyLong_FromLong(count);
}

/* interrupt_thread(ident, exception): raise it there as soon as that thread runs. */
PyObject *pywasm_interrupt_thread(PyObject *module, PyObject *arguments) {
    (void)module;
    unsigned long ident;
    PyObject *exception;
    if (!PyArg_ParseTuple(arguments, "kO:interrupt_thread", &ident, &exception)) {
        return NULL;
    }
    return PyBool_FromLong(PyThreadState_SetAsyncExc(ident, exception));
}
