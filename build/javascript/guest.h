/* What the parts of the JavaScript guest share. The contract with the host is runtime/pywasm.h's. */
#ifndef GUEST_H
#define GUEST_H

#include "pywasm.h"
#include "quickjs.h"

#include <stdbool.h>

#define GUEST_CODE "/usr/lib/pywasm-js/"
#define NATIVE_MODULE "pywasm:native"

extern JSContext *guest_context;
extern JSRuntime *guest_runtime;

/* main.c: unwind to the event loop, past all of the user's handlers; the value to return. */
JSValue guest_stop(JSContext *ctx);
bool guest_interrupted(void);

/* native.c: the functions that JavaScript calls, as exports of the module `pywasm:native`. */
JSModuleDef *guest_native_module(JSContext *ctx);
void guest_native_functions(JSContext *ctx, JSValue object);
void guest_file_functions(JSContext *ctx, JSValue object);

/* hashes.c */
void guest_hash_functions(JSContext *ctx, JSValue object);

/* sockets.c */
void guest_socket_functions(JSContext *ctx, JSValue object);

/* modules.c */
void guest_install_loader(void);
JSValue guest_set_loader(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv);
JSValue guest_require_module(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv);
char *guest_read_file(const char *path, size_t *size);

/* A function list's entry without its repetitions. */
#define FUNCTION(name, length, function) JS_CFUNC_DEF(name, length, function)

#endif
