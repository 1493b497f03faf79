/* Where modules come from: the guest's own code from its folder, all else from where the loader that
   JavaScript set says: `resolve(specifier, referrer, type)` gives a name, `load(name)` a module's source (a
   string) or the values of its exports (an object). */
#include "guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static JSValue resolve_hook, load_hook;

JSValue guest_set_loader(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    JS_FreeValue(ctx, resolve_hook);
    JS_FreeValue(ctx, load_hook);
    resolve_hook = JS_DupValue(ctx, argv[0]);
    load_hook = JS_DupValue(ctx, argv[1]);
    return JS_UNDEFINED;
}

static bool is_own(const char *name) { return strncmp(name, GUEST_CODE, strlen(GUEST_CODE)) == 0; }

/* "/a/b/c.js" and "../d.js" -> "/a/d.js" */
static char *join(JSContext *ctx, const char *base, const char *name) {
    const char *slash = strrchr(base, '/');
    size_t length = slash ? (size_t)(slash - base) : 0;
    for (;;) {
        if (strncmp(name, "./", 2) == 0) {
            name += 2;
        }
        else if (strncmp(name, "../", 3) == 0) {
            name += 3;
            while (length > 0 && base[--length] != '/') {
            }
        }
        else {
            break;
        }
    }
    char *path = js_malloc(ctx, length + strlen(name) + 2);
    if (path != NULL) {
        memcpy(path, base, length);
        path[length] = '/';
        strcpy(path + length + 1, name);
    }
    return path;
}

static char *normalize(JSContext *ctx, const char *base, const char *name, JSValueConst attributes,
                       void *opaque) {
    if (is_own(base) || JS_IsUndefined(resolve_hook)) {
        return *name == '.' ? join(ctx, base, name) : js_strdup(ctx, name);
    }
    JSValue type = JS_IsObject(attributes) ? JS_GetPropertyStr(ctx, attributes, "type") : JS_UNDEFINED;
    JSValueConst arguments[] = {JS_NewString(ctx, name), JS_NewString(ctx, base), type};
    JSValue found = JS_Call(ctx, resolve_hook, JS_UNDEFINED, 3, arguments);
    for (int i = 0; i < 3; i++) {
        JS_FreeValue(ctx, (JSValue)arguments[i]);
    }
    if (JS_IsException(found)) {
        return NULL;
    }
    const char *text = JS_ToCString(ctx, found);
    JS_FreeValue(ctx, found);
    char *copy = text ? js_strdup(ctx, text) : NULL;
    JS_FreeCString(ctx, text);
    return copy;
}

char *guest_read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    char *data = NULL;
    size_t capacity = 0;
    *size = 0;
    do {
        if (*size + 1 >= capacity) {
            capacity = capacity ? 2 * capacity : 65536;
            char *larger = realloc(data, capacity);
            if (larger == NULL) {
                break;
            }
            data = larger;
        }
        *size += fread(data + *size, 1, capacity - 1 - *size, file);
    } while (!feof(file) && !ferror(file));
    bool is_whole = feof(file) && !ferror(file);
    fclose(file);
    if (!is_whole) {
        free(data);
        return NULL;
    }
    data[*size] = 0;
    return data;
}

static JSModuleDef *compile(JSContext *ctx, const char *name, const char *source, size_t size) {
    JSValue module = JS_Eval(ctx, source, size, name, JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
    if (JS_IsException(module)) {
        return NULL;
    }
    JSModuleDef *definition = JS_VALUE_GET_PTR(module);
    JSValue meta = JS_GetImportMeta(ctx, definition);
    if (JS_IsObject(meta)) {
        char url[4096];
        bool is_path = *name == '/';
        snprintf(url, sizeof url, "%s%s", is_path ? "file://" : "", name);
        JS_DefinePropertyValueStr(ctx, meta, "url", JS_NewString(ctx, url), JS_PROP_C_W_E);
        if (is_path) {
            const char *slash = strrchr(name, '/');
            size_t length = slash == name ? 1 : (size_t)(slash - name);
            JS_DefinePropertyValueStr(ctx, meta, "dirname", JS_NewStringLen(ctx, name, length), JS_PROP_C_W_E);
            JS_DefinePropertyValueStr(ctx, meta, "filename", JS_NewString(ctx, name), JS_PROP_C_W_E);
        }
        JS_FreeValue(ctx, meta);
    }
    JS_FreeValue(ctx, module); /* the context keeps its modules */
    return definition;
}

/* Each own property of the private value is an export. */
static int fill_exports(JSContext *ctx, JSModuleDef *module) {
    JSValue values = JS_GetModulePrivateValue(ctx, module);
    JSPropertyEnum *names;
    uint32_t count;
    int status = JS_GetOwnPropertyNames(ctx, &names, &count, values, JS_GPN_STRING_MASK);
    for (uint32_t i = 0; status == 0 && i < count; i++) {
        const char *name = JS_AtomToCString(ctx, names[i].atom);
        JSValue value = JS_GetProperty(ctx, values, names[i].atom);
        status = name == NULL || JS_IsException(value) ? -1 : JS_SetModuleExport(ctx, module, name, value);
        JS_FreeCString(ctx, name);
    }
    if (names != NULL) {
        JS_FreePropertyEnum(ctx, names, count);
    }
    JS_FreeValue(ctx, values);
    return status;
}

static JSModuleDef *from_values(JSContext *ctx, const char *name, JSValue values) {
    JSPropertyEnum *names = NULL;
    uint32_t count = 0;
    JSModuleDef *module = JS_NewCModule(ctx, name, fill_exports);
    if (module == NULL || JS_GetOwnPropertyNames(ctx, &names, &count, values, JS_GPN_STRING_MASK) < 0) {
        JS_FreeValue(ctx, values);
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        const char *export = JS_AtomToCString(ctx, names[i].atom);
        if (export != NULL) {
            JS_AddModuleExport(ctx, module, export);
        }
        JS_FreeCString(ctx, export);
    }
    JS_FreePropertyEnum(ctx, names, count);
    JS_SetModulePrivateValue(ctx, module, values);
    return module;
}

static JSModuleDef *load(JSContext *ctx, const char *name, void *opaque, JSValueConst attributes) {
    if (is_own(name) || JS_IsUndefined(load_hook)) {
        size_t size;
        char *source = guest_read_file(name, &size);
        if (source == NULL) {
            JS_ThrowReferenceError(ctx, "the guest has no module '%s'", name);
            return NULL;
        }
        JSModuleDef *module = compile(ctx, name, source, size);
        free(source);
        return module;
    }
    JSValueConst arguments[] = {JS_NewString(ctx, name)};
    JSValue found = JS_Call(ctx, load_hook, JS_UNDEFINED, 1, arguments);
    JS_FreeValue(ctx, (JSValue)arguments[0]);
    if (JS_IsException(found)) {
        return NULL;
    }
    if (!JS_IsString(found)) {
        return from_values(ctx, name, found);
    }
    size_t size;
    const char *source = JS_ToCStringLen(ctx, &size, found);
    JS_FreeValue(ctx, found);
    JSModuleDef *module = source ? compile(ctx, name, source, size) : NULL;
    JS_FreeCString(ctx, source);
    return module;
}

/* requireModule(name): the namespace of the ES module, loaded and run now; undefined if a module awaits at its top
   level, null if one is being loaded already. */
JSValue guest_require_module(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv) {
    const char *name = JS_ToCString(ctx, argv[0]);
    if (name == NULL) {
        return JS_EXCEPTION;
    }
    bool in_cycle;
    JSValue namespace = JS_RequireModule(ctx, name, &in_cycle);
    JS_FreeCString(ctx, name);
    return in_cycle ? JS_NULL : namespace;
}

static int check_attributes(JSContext *ctx, void *opaque, JSValueConst attributes) { return 0; }

void guest_install_loader(void) {
    resolve_hook = load_hook = JS_UNDEFINED;
    JS_SetModuleLoaderFunc2(guest_runtime, NULL, load, check_attributes, NULL);
    JS_SetModuleNormalizeFunc2(guest_runtime, normalize);
}

static int fill_native(JSContext *ctx, JSModuleDef *module) {
    return JS_SetModuleExport(ctx, module, "default", JS_GetModulePrivateValue(ctx, module));
}

JSModuleDef *guest_native_module(JSContext *ctx) {
    JSModuleDef *module = JS_NewCModule(ctx, NATIVE_MODULE, fill_native);
    if (module != NULL) {
        JS_AddModuleExport(ctx, module, "default");
    }
    return module;
}
