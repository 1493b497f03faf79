/* Starting QuickJS, entering it, and its event loop.

   The handler that JavaScript sets is called with each message; then promise jobs and what JavaScript's
   `turn` does (a timer, a rejection that nobody handled) alternate until `turn` says that nothing is left.
   An interrupt unwinds to here, past every handler of the user's; what is queued then is dropped, and
   JavaScript's `stopped` says so to the host. */
#include "guest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define JS_STACK_SIZE (4u << 20) /* of 8 MiB; the host's stack of 16 MiB ends later, see build/README.md */
#define STOP_ASKED 1u

JSContext *guest_context;
JSRuntime *guest_runtime;
extern int js_repl_mode;

volatile int32_t pywasm_interrupt_reason;
static volatile uint32_t interrupt_word; /* the host sets it */
static uint32_t stop_word;               /* the guest's own wish to unwind */
static bool deaf;                        /* while the end of a run is reported */
static uint32_t words[2];

static JSValue handler, turn, stopped;

PYWASM_EXPORT("pywasm_interrupt_words") void *pywasm_interrupt_words(void) {
    words[0] = (uint32_t)(uintptr_t)&interrupt_word;
    words[1] = (uint32_t)(uintptr_t)&pywasm_interrupt_reason;
    return words;
}

bool guest_interrupted(void) { return !deaf && (interrupt_word != 0 || stop_word != 0); }

static int poll_interrupts(JSRuntime *runtime, void *opaque) { return guest_interrupted(); }

JSValue guest_stop(JSContext *ctx) {
    stop_word = STOP_ASKED;
    JSValue error = JS_NewError(ctx);
    JS_SetUncatchableError(ctx, error);
    return JS_Throw(ctx, error);
}

static JSValue set_hooks(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    JSValue *hooks[] = {&handler, &turn, &stopped};
    for (int i = 0; i < 3; i++) {
        JS_FreeValue(ctx, *hooks[i]);
        *hooks[i] = JS_DupValue(ctx, argv[i]);
    }
    return JS_UNDEFINED;
}

/* Print the pending exception on descriptor 2: only a fault of the guest's own code ends here. */
static void print_exception(const char *where) {
    JSValue error = JS_GetException(guest_context);
    JSValue stack = JS_IsObject(error) ? JS_GetPropertyStr(guest_context, error, "stack") : JS_UNDEFINED;
    const char *text = JS_ToCString(guest_context, JS_IsString(stack) ? stack : error);
    fprintf(stderr, "%s: %s\n", where, text ? text : "an exception that has no text");
    JS_FreeCString(guest_context, text);
    JS_FreeValue(guest_context, stack);
    JS_FreeValue(guest_context, error);
}

static JSValue call(JSValueConst function, int argc, JSValueConst *argv) {
    return JS_Call(guest_context, function, JS_UNDEFINED, argc, argv);
}

/* Tell JavaScript that it was stopped, with an exception that says where, or that one came out of a job. */
static int report_end(void) {
    JSValue error = JS_GetException(guest_context);
    uint32_t asked = stop_word;
    bool interrupted = interrupt_word != 0;
    deaf = true;
    JS_ClearPendingJobs(guest_runtime);
    JSValueConst arguments[] = {
        JS_NewInt32(guest_context, interrupted ? pywasm_interrupt_reason : 0),
        JS_NewBool(guest_context, asked != 0),
        JS_IsUninitialized(error) || asked ? JS_UNDEFINED : error,
    };
    JSValue result = call(stopped, 3, arguments);
    JS_FreeValue(guest_context, error);
    JS_ClearPendingJobs(guest_runtime);
    stop_word = 0;
    interrupt_word = 0;
    deaf = false;
    if (JS_IsException(result)) {
        print_exception("stopped");
        return 1;
    }
    JS_FreeValue(guest_context, result);
    return 0;
}

/* Run promise jobs until there are none: false if it was stopped, or a job failed. */
static bool run_jobs(void) {
    JSContext *context;
    int status;
    while ((status = JS_ExecutePendingJob(guest_runtime, &context)) > 0) {
        if (guest_interrupted()) {
            return false;
        }
    }
    return status == 0 && !guest_interrupted();
}

static void wait_for(double milliseconds) {
    struct timespec duration = {.tv_sec = (time_t)(milliseconds / 1e3)};
    duration.tv_nsec = (long)((milliseconds - (double)duration.tv_sec * 1e3) * 1e6);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &duration, NULL); /* an interrupt ends it */
}

static int run_loop(void) {
    for (;;) {
        if (!run_jobs()) {
            return report_end();
        }
        JSValue result = call(turn, 0, NULL);
        if (JS_IsException(result) || guest_interrupted()) {
            JS_FreeValue(guest_context, result);
            return report_end();
        }
        double milliseconds;
        JS_ToFloat64(guest_context, &milliseconds, result);
        JS_FreeValue(guest_context, result);
        if (milliseconds < 0) {
            return 0;
        }
        if (milliseconds > 0) {
            wait_for(milliseconds);
        }
    }
}

/* Hand a message to JavaScript: 0, or 1 if the guest's own code failed, with the reason on descriptor 2. */
PYWASM_EXPORT("pywasm_handle") int32_t pywasm_handle(const char *data, int32_t size) {
    JS_UpdateStackTop(guest_runtime);
    JSValue message = JS_NewStringLen(guest_context, data, (size_t)size);
    if (JS_IsException(message)) {
        return report_end();
    }
    JSValueConst arguments[] = {message};
    JSValue result = call(handler, 1, arguments);
    JS_FreeValue(guest_context, message);
    if (JS_IsException(result)) {
        return report_end();
    }
    JS_FreeValue(guest_context, result);
    return run_loop();
}

static int failed(const char *what) {
    fprintf(stderr, "pywasm_boot: %s\n", what);
    return 1;
}

static bool has_native_functions(JSContext *ctx) {
    static const JSCFunctionListEntry entries[] = {
        FUNCTION("setHooks", 3, set_hooks),
        FUNCTION("setLoader", 2, guest_set_loader),
        FUNCTION("requireModule", 1, guest_require_module),
    };
    JSValue native = JS_NewObject(ctx);
    JS_SetPropertyFunctionList(ctx, native, entries, sizeof entries / sizeof *entries);
    guest_native_functions(ctx, native);
    guest_file_functions(ctx, native);
    guest_hash_functions(ctx, native);
    guest_socket_functions(ctx, native);
    JSModuleDef *module = guest_native_module(ctx);
    if (module == NULL) {
        JS_FreeValue(ctx, native);
        return false;
    }
    return JS_SetModulePrivateValue(ctx, module, native) == 0;
}

/* The path of the guest's main module -> 0, or nonzero with the reason on descriptor 2. */
PYWASM_EXPORT("pywasm_boot") int32_t pywasm_boot(const char *data, int32_t size) {
    guest_runtime = JS_NewRuntime();
    if (guest_runtime == NULL) {
        return failed("no memory");
    }
    JS_SetMaxStackSize(guest_runtime, JS_STACK_SIZE);
    JS_SetInterruptHandler(guest_runtime, poll_interrupts, NULL);
    guest_context = JS_NewContext(guest_runtime);
    if (guest_context == NULL) {
        return failed("no memory");
    }
    handler = turn = stopped = JS_UNDEFINED;
    guest_install_loader();
    if (!has_native_functions(guest_context)) {
        return failed("no memory");
    }
    char *path = strndup(data, (size_t)size);
    JSValue promise = JS_LoadModule(guest_context, "", path);
    free(path);
    if (JS_IsException(promise)) {
        print_exception("pywasm_boot");
        return 1;
    }
    bool is_whole = run_jobs();
    JSPromiseStateEnum state = JS_PromiseState(guest_context, promise);
    if (!is_whole || state != JS_PROMISE_FULFILLED) {
        if (state == JS_PROMISE_REJECTED) {
            JS_Throw(guest_context, JS_PromiseResult(guest_context, promise));
        }
        print_exception("pywasm_boot");
        return 1;
    }
    JS_FreeValue(guest_context, promise);
    return JS_IsFunction(guest_context, handler) ? 0 : failed("the main module did not call setHooks()");
}
