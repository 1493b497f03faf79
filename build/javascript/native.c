/* What JavaScript can't do itself: evaluation, bytes and text, clocks, and the door to the host. */
#include "guest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

extern int js_repl_mode;
extern const char *js_hidden_files;

/* ---- evaluation */

enum { AWAITS = 1, IS_CELL = 2, WRAPPED = 4 };

/* evaluate(source, name, flags): run a script; with AWAITS a promise of `{value}`. The first line of a WRAPPED
   one is not the user's. */
static JSValue evaluate(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    int32_t flags;
    size_t size;
    if (JS_ToInt32(ctx, &flags, argv[2])) {
        return JS_EXCEPTION;
    }
    const char *source = JS_ToCStringLen(ctx, &size, argv[0]);
    const char *name = JS_ToCString(ctx, argv[1]);
    JSValue result = JS_EXCEPTION;
    if (source != NULL && name != NULL) {
        JSEvalOptions options = {
            .version = JS_EVAL_OPTIONS_VERSION,
            .eval_flags = JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_BACKTRACE_BARRIER |
                          (flags & AWAITS ? JS_EVAL_FLAG_ASYNC : 0),
            .filename = name,
            .line_num = flags & WRAPPED ? 0 : 1,
        };
        int outer = js_repl_mode;
        js_repl_mode = (flags & IS_CELL) != 0;
        result = JS_Eval2(ctx, source, size, &options);
        js_repl_mode = outer;
    }
    JS_FreeCString(ctx, name);
    JS_FreeCString(ctx, source);
    return result;
}

/* compiles(source, flags): whether it is a script at all. */
static JSValue compiles(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    int32_t flags;
    size_t size;
    if (JS_ToInt32(ctx, &flags, argv[1])) {
        return JS_EXCEPTION;
    }
    const char *source = JS_ToCStringLen(ctx, &size, argv[0]);
    if (source == NULL) {
        return JS_EXCEPTION;
    }
    int mode = JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_COMPILE_ONLY | (flags & AWAITS ? JS_EVAL_FLAG_ASYNC : 0);
    JSValue script = JS_Eval(ctx, source, size, "", mode);
    JS_FreeCString(ctx, source);
    if (!JS_IsException(script)) {
        JS_FreeValue(ctx, script);
        return JS_TRUE;
    }
    JSValue error = JS_GetException(ctx);
    JS_FreeValue(ctx, error);
    return JS_FALSE;
}

static JSValue stop(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    return guest_stop(ctx);
}

static JSValue rejection_hook;

static void on_rejection(JSContext *ctx, JSValueConst promise, JSValueConst reason, bool is_handled, void *opaque) {
    JSValueConst arguments[] = {promise, reason, JS_NewBool(ctx, is_handled)};
    JSValue result = JS_Call(ctx, rejection_hook, JS_UNDEFINED, 3, arguments);
    if (JS_IsException(result)) {
        JS_FreeValue(ctx, JS_GetException(ctx));
    }
    JS_FreeValue(ctx, result);
}

/* onRejection(callback): called with (promise, reason, isHandled). */
static JSValue set_rejection_hook(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    rejection_hook = JS_DupValue(ctx, argv[0]);
    JS_SetHostPromiseRejectionTracker(guest_runtime, on_rejection, NULL);
    return JS_UNDEFINED;
}

/* asyncContext(), setAsyncContext(value): what reactions and jobs that are made now will have while they run. */
static JSValue async_context(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    return JS_GetAsyncContext(guest_runtime);
}

static JSValue set_async_context(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    JS_SetAsyncContext(guest_runtime, argv[0]);
    return JS_UNDEFINED;
}

/* ---- looking into values */

/* promiseDetails(value): [state, result], state 0 pending, 1 fulfilled, 2 rejected; undefined for others. */
static JSValue promise_details(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    JSPromiseStateEnum state = JS_PromiseState(ctx, argv[0]);
    if (state == JS_PROMISE_NOT_A_PROMISE) {
        return JS_UNDEFINED;
    }
    JSValue result = state == JS_PROMISE_PENDING ? JS_UNDEFINED : JS_PromiseResult(ctx, argv[0]);
    JSValueConst parts[] = {JS_NewInt32(ctx, state), result};
    return JS_NewArrayFrom(ctx, 2, parts);
}

/* proxyDetails(value): [target, handler], undefined for what is no proxy. */
static JSValue proxy_details(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    if (!JS_IsProxy(argv[0])) {
        return JS_UNDEFINED;
    }
    JSValueConst parts[] = {JS_GetProxyTarget(ctx, argv[0]), JS_GetProxyHandler(ctx, argv[0])};
    return JS_NewArrayFrom(ctx, 2, parts);
}

/* previewEntries(iterator): [entries, are they keys and values in turn]; undefined for what is no iterator of a
   Map or Set. */
static JSValue preview_entries(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    bool both;
    JSValue entries = JS_PreviewIterator(ctx, argv[0], &both);
    if (JS_IsUndefined(entries) || JS_IsException(entries)) {
        return entries;
    }
    JSValueConst parts[] = {entries, JS_NewBool(ctx, both)};
    return JS_NewArrayFrom(ctx, 2, parts);
}

/* className(value): the engine's name of an object's class, such as "Map Iterator". */
static JSValue class_name(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    if (!JS_IsObject(argv[0])) {
        return JS_UNDEFINED;
    }
    JSAtom name = JS_GetClassName(guest_runtime, JS_GetClassID(argv[0]));
    JSValue text = JS_AtomToString(ctx, name);
    JS_FreeAtom(ctx, name);
    return text;
}

/* ---- bytes and text */

/* The length of the valid UTF-8 sequence at `p`, or 0; then `*bad` is that of the part which U+FFFD replaces. */
static size_t sequence(const uint8_t *p, size_t left, size_t *bad) {
    uint8_t first = p[0], low = 0x80, high = 0xBF;
    size_t length = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
    *bad = 1;
    if (length < 2) {
        return length;
    }
    low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : low;
    high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : high;
    for (size_t i = 1; i < length; i++) {
        if (i >= left || p[i] < low || p[i] > high) {
            *bad = i;
            return 0;
        }
        low = 0x80;
        high = 0xBF;
    }
    return length;
}

/* decode(bytes, start, end, isFatal): text of UTF-8; undefined if it must be valid and isn't. */
static JSValue decode(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    size_t size;
    uint32_t start, end;
    const uint8_t *bytes = JS_GetUint8Array(ctx, &size, argv[0]);
    if (bytes == NULL || JS_ToUint32(ctx, &start, argv[1]) || JS_ToUint32(ctx, &end, argv[2])) {
        return JS_EXCEPTION;
    }
    end = end > size ? (uint32_t)size : end;
    start = start > end ? end : start;
    size_t bad, invalid = 0;
    for (size_t i = start; i < end;) {
        size_t length = sequence(bytes + i, end - i, &bad);
        invalid += length == 0;
        i += length ? length : bad;
    }
    if (invalid == 0) {
        return JS_NewStringLen(ctx, (const char *)bytes + start, end - start);
    }
    if (JS_ToBool(ctx, argv[3])) {
        return JS_UNDEFINED;
    }
    char *text = js_malloc(ctx, end - start + 3 * invalid);
    if (text == NULL) {
        return JS_EXCEPTION;
    }
    size_t out = 0;
    for (size_t i = start; i < end;) {
        size_t length = sequence(bytes + i, end - i, &bad);
        memcpy(text + out, length ? (const char *)bytes + i : "\xEF\xBF\xBD", length ? length : 3);
        out += length ? length : 3;
        i += length ? length : bad;
    }
    JSValue result = JS_NewStringLen(ctx, text, out);
    js_free(ctx, text);
    return result;
}

/* Lone surrogates, which the engine writes as three bytes, become U+FFFD, which has three too. */
static void replace_surrogates(uint8_t *bytes, size_t size) {
    for (size_t i = 0; i + 2 < size; i++) {
        if (bytes[i] == 0xED && bytes[i + 1] >= 0xA0) {
            memcpy(bytes + i, "\xEF\xBF\xBD", 3);
            i += 2;
        }
    }
}

/* encode(text): UTF-8 as a Uint8Array. */
static JSValue encode(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    size_t size;
    const char *text = JS_ToCStringLen(ctx, &size, argv[0]);
    if (text == NULL) {
        return JS_EXCEPTION;
    }
    JSValue result = JS_NewUint8ArrayCopy(ctx, (const uint8_t *)text, size);
    JS_FreeCString(ctx, text);
    uint8_t *bytes = JS_IsException(result) ? NULL : JS_GetUint8Array(ctx, &size, result);
    if (bytes != NULL) {
        replace_surrogates(bytes, size);
    }
    return result;
}

/* ---- the host */

static JSValue emit(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    int32_t kind;
    size_t size;
    if (JS_ToInt32(ctx, &kind, argv[0])) {
        return JS_EXCEPTION;
    }
    const char *text = JS_ToCStringLen(ctx, &size, argv[1]);
    if (text == NULL) {
        return JS_EXCEPTION;
    }
    pywasm_host_emit(kind, text, (int32_t)size);
    JS_FreeCString(ctx, text);
    return JS_UNDEFINED;
}

/* request(text): the host's answer as text; undefined if an interrupt came first. */
static JSValue request(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    size_t size;
    const char *text = JS_ToCStringLen(ctx, &size, argv[0]);
    if (text == NULL) {
        return JS_EXCEPTION;
    }
    int32_t length = pywasm_host_request(text, (int32_t)size);
    JS_FreeCString(ctx, text);
    if (length < 0) {
        return JS_UNDEFINED;
    }
    char *answer = js_malloc(ctx, (size_t)length + 1);
    if (answer == NULL) {
        return JS_EXCEPTION;
    }
    pywasm_host_response(answer);
    JSValue result = JS_NewStringLen(ctx, answer, (size_t)length);
    js_free(ctx, answer);
    return result;
}

/* print(descriptor, text): to a standard stream. */
static JSValue print(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    int32_t descriptor;
    size_t size;
    if (JS_ToInt32(ctx, &descriptor, argv[0])) {
        return JS_EXCEPTION;
    }
    const char *text = JS_ToCStringLen(ctx, &size, argv[1]);
    if (text == NULL) {
        return JS_EXCEPTION;
    }
    for (size_t done = 0; done < size && !guest_interrupted();) {
        ssize_t count = write(descriptor, text + done, size - done);
        if (count < 0 && errno != EINTR) {
            break;
        }
        done += count > 0 ? (size_t)count : 0;
    }
    JS_FreeCString(ctx, text);
    return JS_UNDEFINED;
}

/* ---- clocks, randomness, memory */

static double seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* monotonic(): milliseconds. */
static JSValue monotonic(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    return JS_NewFloat64(ctx, seconds(CLOCK_MONOTONIC) * 1e3);
}

/* nanoseconds(): of the monotonic clock, a BigInt. */
static JSValue nanoseconds(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return JS_NewBigInt64(ctx, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
}

/* wallClock(): milliseconds since 1970, with a fraction. */
static JSValue wall_clock(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    return JS_NewFloat64(ctx, seconds(CLOCK_REALTIME) * 1e3);
}

/* fillRandom(bytes): in place. */
static JSValue fill_random(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    size_t size;
    uint8_t *bytes = JS_GetUint8Array(ctx, &size, argv[0]);
    if (bytes == NULL) {
        return JS_EXCEPTION;
    }
    for (size_t done = 0; done < size && !guest_interrupted(); done += 256) {
        getentropy(bytes + done, size - done < 256 ? size - done : 256);
    }
    return JS_UNDEFINED;
}

/* renew(): Math.random() begins another sequence. */
static JSValue renew(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    uint64_t seed = 0;
    getentropy(&seed, sizeof seed);
    JS_SetRandomSeed(ctx, seed);
    return JS_UNDEFINED;
}

/* limitMemory(bytes): of the JavaScript heap; 0 for none. */
static JSValue limit_memory(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    double bytes;
    if (JS_ToFloat64(ctx, &bytes, argv[0])) {
        return JS_EXCEPTION;
    }
    JS_SetMemoryLimit(guest_runtime, bytes > 0 && bytes < 4294967295.0 ? (size_t)bytes : 0);
    return JS_UNDEFINED;
}

static JSValue collect(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    JS_RunGC(guest_runtime);
    return JS_UNDEFINED;
}

/* hideOwnFrames(yes): whether stack texts leave the guest's own code out. */
static JSValue hide_own_frames(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    js_hidden_files = JS_ToBool(ctx, argv[0]) ? GUEST_CODE : NULL;
    return JS_UNDEFINED;
}

/* freeze(): what is there now is none of the garbage collector's business any more. */
static JSValue freeze(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    JS_RunGC(guest_runtime);
    JS_FreezeObjects(guest_runtime);
    return JS_UNDEFINED;
}

/* heapSize(): bytes of all blocks that are in use. */
static JSValue heap_size(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    return JS_NewFloat64(ctx, (double)JS_GetHeapSize(guest_runtime));
}

static const JSCFunctionListEntry entries[] = {
    FUNCTION("evaluate", 3, evaluate),
    FUNCTION("compiles", 2, compiles),
    FUNCTION("stop", 0, stop),
    FUNCTION("onRejection", 1, set_rejection_hook),
    FUNCTION("asyncContext", 0, async_context),
    FUNCTION("setAsyncContext", 1, set_async_context),
    FUNCTION("promiseDetails", 1, promise_details),
    FUNCTION("proxyDetails", 1, proxy_details),
    FUNCTION("previewEntries", 1, preview_entries),
    FUNCTION("className", 1, class_name),
    FUNCTION("decode", 4, decode),
    FUNCTION("encode", 1, encode),
    FUNCTION("emit", 2, emit),
    FUNCTION("request", 1, request),
    FUNCTION("print", 2, print),
    FUNCTION("monotonic", 0, monotonic),
    FUNCTION("nanoseconds", 0, nanoseconds),
    FUNCTION("wallClock", 0, wall_clock),
    FUNCTION("fillRandom", 1, fill_random),
    FUNCTION("renew", 0, renew),
    FUNCTION("limitMemory", 1, limit_memory),
    FUNCTION("collect", 0, collect),
    FUNCTION("hideOwnFrames", 1, hide_own_frames),
    FUNCTION("freeze", 0, freeze),
    FUNCTION("heapSize", 0, heap_size),
};

void guest_native_functions(JSContext *ctx, JSValue object) {
    JS_SetPropertyFunctionList(ctx, object, entries, sizeof entries / sizeof *entries);
}
