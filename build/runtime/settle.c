/* What is done to the heap before an image is made of it, so that its clones write to fewer pages: each page that
   a clone writes to is copied. */
#define Py_BUILD_CORE 1
#include <Python.h>
#include <internal/pycore_code.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_object.h>
#include <internal/pycore_obmalloc.h>
#include <internal/pycore_pystate.h>

#include "pywasm.h"

/* Objects whose own references are still to be followed. */
struct pending {
    PyObject **objects;
    size_t count, capacity;
};

static int push(struct pending *pending, PyObject *object) {
    if (pending->count == pending->capacity) {
        size_t capacity = pending->capacity ? 2 * pending->capacity : 4096;
        PyObject **objects = PyMem_RawRealloc(pending->objects, capacity * sizeof *objects);
        if (objects == NULL) {
            return -1;
        }
        pending->objects = objects;
        pending->capacity = capacity;
    }
    pending->objects[pending->count++] = object;
    return 0;
}

/* A visitproc. What is immortal was met before, or is the interpreter's own and refers to nothing else. */
static int meet(PyObject *object, void *pending) {
    if (object == NULL || _Py_IsImmortal(object)) {
        return 0;
    }
    _Py_SetImmortalUntracked(object); /* it leaves alone what the collector knows of it */
    return push(pending, object);
}

/* Code objects are no concern of the garbage collector's and have no tp_traverse. */
static int meet_code(PyCodeObject *code, struct pending *pending) {
    PyObject *parts[] = {
        code->co_consts,    code->co_names,     code->co_exceptiontable, code->co_localsplusnames,
        code->co_filename,  code->co_name,      code->co_qualname,       code->co_linetable,
        code->co_localspluskinds,
    };
    for (size_t i = 0; i < Py_ARRAY_LENGTH(parts); i++) {
        if (meet(parts[i], pending) < 0) {
            return -1;
        }
    }
    if (code->_co_cached != NULL) {
        PyObject *cached[] = {code->_co_cached->_co_code, code->_co_cached->_co_varnames,
                              code->_co_cached->_co_cellvars, code->_co_cached->_co_freevars};
        for (size_t i = 0; i < Py_ARRAY_LENGTH(cached); i++) {
            if (meet(cached[i], pending) < 0) {
                return -1;
            }
        }
    }
    return 0;
}

static int follow(struct pending *pending) {
    while (pending->count) {
        PyObject *object = pending->objects[--pending->count];
        traverseproc traverse = Py_TYPE(object)->tp_traverse;
        if (PyCode_Check(object)) {
            if (meet_code((PyCodeObject *)object, pending) < 0) {
                return -1;
            }
        }
        else if (traverse != NULL && PyObject_IS_GC(object) && traverse(object, meet, pending) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Immortal objects have no count of references (PEP 683): who only looks at one writes nothing. */
static int immortalize(PyObject *objects) {
    struct pending pending = {0};
    int failed = 0;
    for (Py_ssize_t i = 0; !failed && i < PyList_GET_SIZE(objects); i++) {
        failed = meet(PyList_GET_ITEM(objects, i), &pending) < 0 || follow(&pending) < 0;
    }
    PyMem_RawFree(pending.objects);
    return failed ? -1 : 0;
}

/* Take every free block of the pools that are in use, for good. A clone's first objects then lie side by side in
   fresh pools, not each in a hole of another page. */
static int fill_pools(void) {
    struct _obmalloc_pools *pools = &_PyInterpreterState_GET()->obmalloc->pools;
    for (size_t class = 0; class < NB_SMALL_SIZE_CLASSES; class++) {
        for (poolp pool = pools->used[2 * class]; pool != pool->nextpool; pool = pools->used[2 * class]) {
            if (PyObject_Malloc((class + 1) << ALIGNMENT_SHIFT) == NULL) {
                return -1;
            }
        }
    }
    return 0;
}

/* settle(objects): the elements of a list, and all that can be reached from them, will never be freed. */
PyObject *pywasm_settle(PyObject *module, PyObject *objects) {
    if (!PyList_CheckExact(objects)) {
        PyErr_Format(PyExc_TypeError, "settle() takes a list, not %T", objects);
        return NULL;
    }
    if (immortalize(objects) < 0 || fill_pools() < 0) {
        return PyErr_NoMemory();
    }
    Py_RETURN_NONE;
}
