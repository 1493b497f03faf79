/* dlopen and its kin through the host, which loads side modules; they replace wasi-libc's weak stubs.
   The host's handle 0 stands for RTLD_DEFAULT and for the core module itself. */
#include "pywasm.h"

#include <dlfcn.h>
#include <string.h>

static char error_text[1024];
static int error_pending;
static char self_handle;

void *dlopen(const char *path, int flags) {
    if (path == NULL) {
        return &self_handle;
    }
    int32_t handle = pywasm_host_dlopen(path, (int32_t)strlen(path), flags);
    if (handle <= 0) {
        error_pending = 1;
        return NULL;
    }
    return (void *)(intptr_t)handle;
}

void *dlsym(void *handle, const char *name) {
    int32_t number = handle == &self_handle ? 0 : (int32_t)(intptr_t)handle;
    int32_t address = pywasm_host_dlsym(number, name, (int32_t)strlen(name));
    if (address == 0) {
        error_pending = 1;
    }
    return (void *)(intptr_t)address;
}

/* A side module stays loaded: its code and data may be referenced from anywhere. */
int dlclose(void *handle) {
    (void)handle;
    return 0;
}

char *dlerror(void) {
    if (!error_pending) {
        return NULL;
    }
    error_pending = 0;
    int32_t length = pywasm_host_dlerror(error_text, sizeof error_text - 1);
    if (length <= 0) {
        strcpy(error_text, "the host could not load the module and gave no reason");
    }
    else {
        error_text[length < (int32_t)sizeof error_text ? length : (int32_t)sizeof error_text - 1] = 0;
    }
    return error_text;
}
