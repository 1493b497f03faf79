/* The guest's side of the contract with the host: imports, and what the parts of the runtime share. */
#ifndef PYWASM_H
#define PYWASM_H

#include <stddef.h>
#include <stdint.h>

#define PYWASM_IMPORT(symbol) __attribute__((import_module("pywasm"), import_name(symbol)))
#define PYWASM_EXPORT(symbol) __attribute__((export_name(symbol), used, visibility("default")))

/* Imports. Lengths are in bytes; pointers are offsets into the module's memory. */
PYWASM_IMPORT("emit") void pywasm_host_emit(int32_t kind, const void *data, int32_t size);
PYWASM_IMPORT("request") int32_t pywasm_host_request(const void *data, int32_t size);
PYWASM_IMPORT("response") void pywasm_host_response(void *destination);
PYWASM_IMPORT("stdio_drain") void pywasm_host_stdio_drain(void);
PYWASM_IMPORT("dlopen") int32_t pywasm_host_dlopen(const char *path, int32_t size, int32_t flags);
PYWASM_IMPORT("dlsym") int32_t pywasm_host_dlsym(int32_t handle, const char *name, int32_t size);
PYWASM_IMPORT("dlerror") int32_t pywasm_host_dlerror(char *destination, int32_t capacity);
/* A thread that is to start with this argument of pywasm_thread and this stack: its number, or -1. */
PYWASM_IMPORT("thread_new") int32_t pywasm_host_thread_new(void *thread, void *stack_top);
/* Go on with another thread; returns when somebody comes back to this one. The first one is number 0. */
PYWASM_IMPORT("thread_switch") void pywasm_host_thread_switch(int32_t thread);

/* Why the host raised the soft interrupt: 0 none, 1 deadline, 2 the caller, 3 output limit, 4 callback failed,
   …; the guest itself: PYWASM_DEADLOCK. The host writes it, `_pywasm.interrupt_reason()` reads and clears it. */
extern volatile int32_t pywasm_interrupt_reason;
#define PYWASM_DEADLOCK 100

/* module.c */
struct _object;
extern struct _object *pywasm_handler; /* the callable given to `_pywasm.set_handler`, or NULL */
struct _object *PyInit__pywasm(void);

/* threads.c */
extern volatile uint32_t pywasm_wanted_turns; /* how many could go on, or wait for a moment that may have come */
struct _object *pywasm_run_threads(struct _object *module, struct _object *argument);
struct _object *pywasm_forget_threads(struct _object *module, struct _object *ignored);
struct _object *pywasm_interrupt_thread(struct _object *module, struct _object *arguments);

/* settle.c */
struct _object *pywasm_settle(struct _object *module, struct _object *objects);

#endif
