/* Starting the interpreter and entering it. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "pywasm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STDLIB "/usr/lib/python3.14"

static const char *const default_sys_path[] = {
    "/workspace",
    STDLIB,
    STDLIB "/site-packages",
    "/home/user/.local/lib/python3.14/site-packages",
    "/usr/lib/pywasm",
    "/usr/lib/pywasm/shims",
};

static int failed(const char *what, const char *detail) {
    fprintf(stderr, "pywasm_boot: %s%s%s\n", what, detail ? ": " : "", detail ? detail : "");
    return 1;
}

static int status_failed(PyStatus status) {
    return failed(status.err_msg ? status.err_msg : "Python did not start", status.func);
}

static PyStatus append(PyWideStringList *list, const char *text) {
    wchar_t *wide = Py_DecodeLocale(text, NULL);
    if (wide == NULL) {
        return PyStatus_NoMemory();
    }
    PyStatus status = PyWideStringList_Append(list, wide);
    PyMem_RawFree(wide);
    return status;
}

static PyStatus set_strings(PyConfig *config) {
    const struct {
        wchar_t **field;
        const char *value;
    } strings[] = {
        {&config->prefix, "/usr"},
        {&config->exec_prefix, "/usr"},
        {&config->base_prefix, "/usr"},
        {&config->base_exec_prefix, "/usr"},
        {&config->executable, "/usr/bin/python3"},
        {&config->base_executable, "/usr/bin/python3"},
        {&config->program_name, "/usr/bin/python3"},
        {&config->stdlib_dir, STDLIB},
        {&config->platlibdir, "lib"},
    };
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        PyStatus status = PyConfig_SetBytesString(config, strings[i].field, strings[i].value);
        if (PyStatus_Exception(status)) {
            return status;
        }
    }
    return PyStatus_Ok();
}

/* One "key=value" line; `boot_module` is set to its value's copy. */
static PyStatus apply_line(PyConfig *config, const char *key, const char *value, char **boot_module) {
    if (strcmp(key, "sys_path") == 0) {
        return append(&config->module_search_paths, value);
    }
    if (strcmp(key, "argv") == 0) {
        return append(&config->argv, value);
    }
    if (strcmp(key, "boot_module") == 0) {
        free(*boot_module);
        *boot_module = strdup(value);
        return *boot_module ? PyStatus_Ok() : PyStatus_NoMemory();
    }
    if (strcmp(key, "hash_seed") == 0) {
        char *end;
        unsigned long seed = strtoul(value, &end, 10);
        if (*value == 0 || *end != 0) {
            return PyStatus_Error("hash_seed wants a decimal number below 2**32");
        }
        config->use_hash_seed = 1;
        config->hash_seed = seed;
        return PyStatus_Ok();
    }
    fprintf(stderr, "pywasm_boot: unknown key '%s'; known: sys_path, argv, boot_module, hash_seed\n", key);
    return PyStatus_Error("bad configuration");
}

/* Lines of UTF-8, "key=value\n", the list keys repeated; see build/README.md. */
static PyStatus apply_lines(PyConfig *config, char *text, char **boot_module) {
    char *rest = text;
    char *line;
    while ((line = strsep(&rest, "\n")) != NULL) {
        if (*line == 0) {
            continue;
        }
        char *value = strchr(line, '=');
        if (value == NULL) {
            return PyStatus_Error("a configuration line has no '='");
        }
        *value++ = 0;
        PyStatus status = apply_line(config, line, value, boot_module);
        if (PyStatus_Exception(status)) {
            return status;
        }
    }
    return PyStatus_Ok();
}

static PyStatus add_defaults(PyConfig *config) {
    PyStatus status = PyStatus_Ok();
    if (config->module_search_paths.length == 0) {
        for (size_t i = 0; i < sizeof default_sys_path / sizeof *default_sys_path; i++) {
            status = append(&config->module_search_paths, default_sys_path[i]);
            if (PyStatus_Exception(status)) {
                return status;
            }
        }
    }
    if (config->argv.length == 0) {
        status = append(&config->argv, "");
    }
    return status;
}

static PyStatus start_python(char *text, char **boot_module) {
    PyPreConfig preconfig;
    PyPreConfig_InitIsolatedConfig(&preconfig);
    preconfig.utf8_mode = 1;
    preconfig.configure_locale = 0;
    PyStatus status = Py_PreInitialize(&preconfig);
    if (PyStatus_Exception(status)) {
        return status;
    }
    if (PyImport_AppendInittab("_pywasm", PyInit__pywasm) < 0) {
        return PyStatus_NoMemory();
    }
    PyConfig config;
    PyConfig_InitIsolatedConfig(&config);
    config.isolated = 0; /* sys.flags as of a plain `python`; the two below keep the environment out */
    config.use_environment = 0;
    config.safe_path = 1;
    config.user_site_directory = 0;
    config.site_import = 0;
    config.install_signal_handlers = 0;
    config.write_bytecode = 0;
    config.buffered_stdio = 0; /* partial lines reach the ring at once */
    config.parse_argv = 0;
    config.module_search_paths_set = 1;
    config.pathconfig_warnings = 0;
    status = set_strings(&config);
    if (!PyStatus_Exception(status)) {
        status = apply_lines(&config, text, boot_module);
    }
    if (!PyStatus_Exception(status)) {
        status = add_defaults(&config);
    }
    if (!PyStatus_Exception(status)) {
        status = Py_InitializeFromConfig(&config);
    }
    PyConfig_Clear(&config);
    return status;
}

static void print_exception(void) {
    PyObject *exception = PyErr_GetRaisedException();
    if (exception != NULL) {
        PyErr_DisplayException(exception);
        Py_DECREF(exception);
    }
    PyErr_Clear();
}

/* Configuration lines -> 0, or nonzero with the reason on descriptor 2. */
PYWASM_EXPORT("pywasm_boot") int32_t pywasm_boot(const char *data, int32_t size) {
    char *boot_module = NULL;
    char *text = malloc((size_t)size + 1);
    if (text == NULL) {
        return failed("out of memory", NULL);
    }
    memcpy(text, data, (size_t)size);
    text[size] = 0;
    PyStatus status = start_python(text, &boot_module);
    free(text);
    if (PyStatus_Exception(status)) {
        return status_failed(status);
    }
    if (boot_module == NULL) {
        return 0;
    }
    PyObject *module = PyImport_ImportModule(boot_module);
    free(boot_module);
    if (module == NULL) {
        print_exception();
        return failed("the boot module failed", NULL);
    }
    Py_DECREF(module);
    if (pywasm_handler == NULL) {
        return failed("the boot module did not call _pywasm.set_handler()", NULL);
    }
    return 0;
}

/* Call the handler with the bytes: 0; 1 if it raised, with the traceback on descriptor 2. */
PYWASM_EXPORT("pywasm_handle") int32_t pywasm_handle(const char *data, int32_t size) {
    if (pywasm_handler == NULL) {
        return failed("pywasm_handle was called before _pywasm.set_handler()", NULL);
    }
    PyObject *message = PyBytes_FromStringAndSize(data, size);
    PyObject *handler = Py_NewRef(pywasm_handler);
    PyObject *result = message ? PyObject_CallOneArg(handler, message) : NULL;
    Py_DECREF(handler);
    Py_XDECREF(message);
    if (result == NULL) {
        print_exception();
        return 1;
    }
    Py_DECREF(result);
    return 0;
}
