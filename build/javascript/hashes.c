/* Hash functions, by HACL*: in JavaScript they run at a megabyte a second. */
#include "guest.h"

#include "Hacl_Hash_MD5.h"
#include "Hacl_Hash_SHA1.h"
#include "Hacl_Hash_SHA2.h"

#include <string.h>

#define MAX_DIGEST 64

typedef struct {
    const char *name;
    size_t size;
    void (*digest)(uint8_t *output, uint8_t *input, uint32_t length);
} Hash;

static const Hash hashes[] = {
    {"md5", 16, Hacl_Hash_MD5_hash},           {"sha1", 20, Hacl_Hash_SHA1_hash},
    {"sha224", 28, Hacl_Hash_SHA2_hash_224},   {"sha256", 32, Hacl_Hash_SHA2_hash_256},
    {"sha384", 48, Hacl_Hash_SHA2_hash_384},   {"sha512", 64, Hacl_Hash_SHA2_hash_512},
};

/* digest(name, bytes): the digest as a Uint8Array; undefined for a name that is not there. */
static JSValue digest(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    size_t size;
    uint8_t *bytes = JS_GetUint8Array(ctx, &size, argv[1]);
    const char *name = bytes == NULL ? NULL : JS_ToCString(ctx, argv[0]);
    if (name == NULL) {
        return JS_EXCEPTION;
    }
    JSValue result = JS_UNDEFINED;
    for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++) {
        if (strcmp(hashes[i].name, name) == 0) {
            uint8_t output[MAX_DIGEST];
            hashes[i].digest(output, bytes, (uint32_t)size);
            result = JS_NewUint8ArrayCopy(ctx, output, hashes[i].size);
            break;
        }
    }
    JS_FreeCString(ctx, name);
    return result;
}

void guest_hash_functions(JSContext *ctx, JSValue object) {
    static const JSCFunctionListEntry entries[] = {FUNCTION("digest", 2, digest)};
    JS_SetPropertyFunctionList(ctx, object, entries, sizeof entries / sizeof *entries);
}
