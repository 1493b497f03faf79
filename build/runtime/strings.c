/* strlen, memchr and strchr, 16 bytes at a time; wasi-libc's go byte by byte or word by word. Loads are aligned, so
   none crosses into memory that is not there: it grows by pages. */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <wasm_simd128.h>

#define WIDTH 16

typedef struct {
    const v128_t *block;
    uint32_t skip; /* bytes of the block that come before the text */
} Start;

static Start start_of(const void *text) {
    uintptr_t address = (uintptr_t)text;
    return (Start){(const v128_t *)(address & ~(uintptr_t)(WIDTH - 1)), address & (WIDTH - 1)};
}

/* One bit for each byte of a block that equals `byte`. */
static uint32_t matches(const v128_t *block, v128_t byte) {
    return wasm_i8x16_bitmask(wasm_i8x16_eq(*block, byte));
}

__attribute__((no_builtin("strlen"))) size_t strlen(const char *text) {
    Start start = start_of(text);
    const v128_t *block = start.block;
    v128_t zero = wasm_i8x16_const_splat(0);
    uint32_t found = matches(block, zero) >> start.skip << start.skip;
    while (found == 0) {
        found = matches(++block, zero);
    }
    return (size_t)((const char *)block + __builtin_ctz(found) - text);
}

__attribute__((no_builtin("memchr"))) void *memchr(const void *data, int wanted, size_t size) {
    if (size == 0) {
        return NULL;
    }
    Start start = start_of(data);
    const v128_t *block = start.block;
    v128_t byte = wasm_i8x16_splat((int8_t)wanted);
    uint32_t found = matches(block, byte) >> start.skip << start.skip;
    size_t seen = WIDTH - start.skip; /* bytes of the data in the blocks so far */
    while (found == 0 && seen < size) {
        found = matches(++block, byte);
        seen += WIDTH;
    }
    if (found == 0) {
        return NULL;
    }
    const char *hit = (const char *)block + __builtin_ctz(found);
    return (size_t)(hit - (const char *)data) < size ? (void *)hit : NULL;
}

char *strchrnul(const char *text, int wanted) {
    Start start = start_of(text);
    const v128_t *block = start.block;
    v128_t zero = wasm_i8x16_const_splat(0);
    v128_t byte = wasm_i8x16_splat((int8_t)wanted);
    uint32_t found = (matches(block, zero) | matches(block, byte)) >> start.skip << start.skip;
    while (found == 0) {
        block++;
        found = matches(block, zero) | matches(block, byte);
    }
    return (char *)block + __builtin_ctz(found);
}

char *strchr(const char *text, int wanted) {
    char *found = strchrnul(text, wanted);
    return *found == (char)wanted ? found : NULL;
}
