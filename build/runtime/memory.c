/* Memory for the host: arguments of calls, and the data segments of side modules. */
#include "pywasm.h"

#include <stdlib.h>
#include <string.h>

PYWASM_EXPORT("pywasm_alloc") void *pywasm_alloc(size_t size) { return malloc(size ? size : 1); }

PYWASM_EXPORT("pywasm_free") void pywasm_free(void *pointer) { free(pointer); }

/* Zeroed memory at a multiple of `alignment` (a power of two), or NULL. */
PYWASM_EXPORT("pywasm_memalign") void *pywasm_memalign(size_t alignment, size_t size) {
    void *pointer = NULL;
    if (alignment < sizeof(void *)) {
        alignment = sizeof(void *);
    }
    if (posix_memalign(&pointer, alignment, size ? size : 1) != 0) {
        return NULL;
    }
    memset(pointer, 0, size);
    return pointer;
}
