/* Where the host raises a soft interrupt: the words that a signal handler in C would set. */
#define Py_BUILD_CORE 1
#include <Python.h>
#include <internal/pycore_ceval.h>
#include <internal/pycore_pystate.h>
#include <internal/pycore_runtime.h>
#include <signal.h>

#include "pywasm.h"

volatile int32_t pywasm_interrupt_reason;

static uint32_t words[7];

_Static_assert(_PY_SIGNALS_PENDING_BIT == 2, "the host ORs 2 into eval_breaker");
_Static_assert(_PY_GIL_DROP_REQUEST_BIT == 1, "the host ORs 1 into eval_breaker");
_Static_assert(sizeof(((PyThreadState *)0)->eval_breaker) == 4, "the host writes 32 bits");

/* u32[7]: addresses of handlers[SIGINT].tripped, signals.is_tripped, the main thread's eval_breaker,
   pywasm_interrupt_reason, the pointer to the state of the thread that runs, the place of eval_breaker in it (not an
   address), and the address of pywasm_wanted_turns. Valid after pywasm_boot, for the life of the interpreter. */
PYWASM_EXPORT("pywasm_interrupt_words") void *pywasm_interrupt_words(void) {
    words[0] = (uint32_t)(uintptr_t)&_PyRuntime.signals.handlers[SIGINT].tripped;
    words[1] = (uint32_t)(uintptr_t)&_PyRuntime.signals.is_tripped;
    words[2] = (uint32_t)(uintptr_t)&_PyThreadState_GET()->eval_breaker;
    words[3] = (uint32_t)(uintptr_t)&pywasm_interrupt_reason;
    words[4] = (uint32_t)(uintptr_t)&_Py_tss_tstate;
    words[5] = offsetof(PyThreadState, eval_breaker);
    words[6] = (uint32_t)(uintptr_t)&pywasm_wanted_turns;
    return words;
}
