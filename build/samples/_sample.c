/* A side module that uses what C extensions use: argument parsing, a global, a table of functions, libc, setjmp. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int sample_counter = 40;
static jmp_buf jump;

static long add(long a, long b) { return a + b; }
static long multiply(long a, long b) { return a * b; }

static const struct {
    const char *name;
    long (*function)(long, long);
} operations[] = {{"add", add}, {"multiply", multiply}};

static PyObject *calculate(PyObject *module, PyObject *args) {
    const char *name;
    long a, b;
    if (!PyArg_ParseTuple(args, "sll:calculate", &name, &a, &b)) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        if (strcmp(operations[i].name, name) == 0) {
            return PyLong_FromLong(operations[i].function(a, b));
        }
    }
    return PyErr_Format(PyExc_ValueError, "unknown operation '%s'", name);
}

static PyObject *count(PyObject *module, PyObject *Py_UNUSED(ignored)) { return PyLong_FromLong(++sample_counter); }

static PyObject *copy(PyObject *module, PyObject *args) {
    const char *data;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(args, "y#:copy", &data, &size)) {
        return NULL;
    }
    char *block = malloc((size_t)size + 1);
    if (block == NULL) {
        return PyErr_NoMemory();
    }
    memcpy(block, data, (size_t)size);
    PyObject *result = PyBytes_FromStringAndSize(block, size);
    free(block);
    return result;
}

static PyObject *format(PyObject *module, PyObject *args) {
    double value;
    char text[64];
    if (!PyArg_ParseTuple(args, "d:format", &value)) {
        return NULL;
    }
    snprintf(text, sizeof text, "%.3f|%s|%d", value, "text", sample_counter);
    return PyUnicode_FromString(text);
}

__attribute__((noinline)) static void descend(int depth) {
    if (depth == 0) {
        longjmp(jump, 42);
    }
    descend(depth - 1);
}

static PyObject *jump_back(PyObject *module, PyObject *args) {
    int depth;
    if (!PyArg_ParseTuple(args, "i:jump_back", &depth)) {
        return NULL;
    }
    int value = setjmp(jump);
    if (value == 0) {
        descend(depth);
    }
    return PyLong_FromLong(value);
}

static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static PyObject *sort(PyObject *module, PyObject *args) {
    int numbers[4];
    if (!PyArg_ParseTuple(args, "iiii:sort", &numbers[0], &numbers[1], &numbers[2], &numbers[3])) {
        return NULL;
    }
    qsort(numbers, 4, sizeof *numbers, compare);
    return Py_BuildValue("(iiii)", numbers[0], numbers[1], numbers[2], numbers[3]);
}

static PyMethodDef methods[] = {
    {"calculate", calculate, METH_VARARGS, "calculate(name, a, b): through a table of functions"},
    {"count", count, METH_NOARGS, "count(): adds one to a global"},
    {"copy", copy, METH_VARARGS, "copy(data): through malloc and memcpy"},
    {"format", format, METH_VARARGS, "format(number): through snprintf"},
    {"jump_back", jump_back, METH_VARARGS, "jump_back(depth): through setjmp and longjmp"},
    {"sort", sort, METH_VARARGS, "sort(a, b, c, d): through qsort, which calls back"},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "_sample", .m_size = -1, .m_methods = methods};

PyMODINIT_FUNC PyInit__sample(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module != NULL && PyModule_AddObjectRef(module, "float_type", (PyObject *)&PyFloat_Type) < 0) {
        Py_CLEAR(module);
    }
    return module;
}
