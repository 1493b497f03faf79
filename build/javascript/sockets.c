/* Descriptors that the host made for connections: no call of these waits. */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define MAX_PIECE (64 << 10)

/* A count, null for "not yet", or a negative errno. */
static JSValue moved(JSContext *ctx, ssize_t count) {
    if (count < 0 && errno == EAGAIN) {
        return JS_NULL;
    }
    return JS_NewInt32(ctx, count < 0 ? -errno : (int32_t)count);
}

/* dontWait(descriptor): 0 or a negative errno. */
static JSValue dont_wait(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    int32_t descriptor;
    if (JS_ToInt32(ctx, &descriptor, argv[0])) {
        return JS_EXCEPTION;
    }
    return JS_NewInt32(ctx, fcntl(descriptor, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0);
}

/* receive(descriptor, bytes): what is there, into bytes; 0 at the end. */
static JSValue receive(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    int32_t descriptor;
    size_t size;
    uint8_t *bytes = JS_GetUint8Array(ctx, &size, argv[1]);
    if (bytes == NULL || JS_ToInt32(ctx, &descriptor, argv[0])) {
        return JS_EXCEPTION;
    }
    return moved(ctx, read(descriptor, bytes, size < MAX_PIECE ? size : MAX_PIECE));
}

/* transmit(descriptor, bytes, start): as much as goes now. */
static JSValue transmit(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    int32_t descriptor;
    uint32_t start;
    size_t size;
    uint8_t *bytes = JS_GetUint8Array(ctx, &size, argv[1]);
    if (bytes == NULL || JS_ToInt32(ctx, &descriptor, argv[0]) || JS_ToUint32(ctx, &start, argv[2])) {
        return JS_EXCEPTION;
    }
    size_t left = start < size ? size - start : 0;
    return moved(ctx, write(descriptor, bytes + (size - left), left < MAX_PIECE ? left : MAX_PIECE));
}

void guest_socket_functions(JSContext *ctx, JSValue object) {
    static const JSCFunctionListEntry entries[] = {
        FUNCTION("dontWait", 1, dont_wait),
        FUNCTION("receive", 2, receive),
        FUNCTION("transmit", 3, transmit),
    };
    JS_SetPropertyFunctionList(ctx, object, entries, sizeof entries / sizeof *entries);
}
