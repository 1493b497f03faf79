/* The builtin module `_pywasm`: the guest's Python code talks to the host through it. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "pywasm.h"

PyObject *pywasm_handler;

static PyObject *emit(PyObject *module, PyObject *args) {
    int kind;
    Py_buffer data;
    if (!PyArg_ParseTuple(args, "iy*:emit", &kind, &data)) {
        return NULL;
    }
    pywasm_host_emit(kind, data.buf, (int32_t)data.len);
    PyBuffer_Release(&data);
    Py_RETURN_NONE;
}

static PyObject *request(PyObject *module, PyObject *argument) {
    Py_buffer data;
    if (PyObject_GetBuffer(argument, &data, PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    int32_t size = pywasm_host_request(data.buf, (int32_t)data.len);
    PyBuffer_Release(&data);
    if (size < 0) {
        if (PyErr_CheckSignals() < 0) {
            return NULL;
        }
        errno = -size;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    PyObject *answer = PyBytes_FromStringAndSize(NULL, size);
    if (answer == NULL) {
        return NULL;
    }
    pywasm_host_response(PyBytes_AS_STRING(answer));
    return answer;
}

static PyObject *set_handler(PyObject *module, PyObject *callable) {
    if (callable != Py_None && !PyCallable_Check(callable)) {
        return PyErr_Format(PyExc_TypeError, "set_handler() wants a callable or None, not %T", callable);
    }
    Py_XSETREF(pywasm_handler, callable == Py_None ? NULL : Py_NewRef(callable));
    Py_RETURN_NONE;
}

static PyObject *interrupt_reason(PyObject *module, PyObject *Py_UNUSED(ignored)) {
    int32_t reason = pywasm_interrupt_reason;
    pywasm_interrupt_reason = 0;
    return PyLong_FromLong(reason);
}

static PyMethodDef methods[] = {
    {"emit", emit, METH_VARARGS, "emit(kind, data)\n--\n\nHand an event of the given kind to the host."},
    {"request", request, METH_O,
     "request(data)\n--\n\nAsk the host a question and return its answer; OSError if it has none."},
    {"set_handler", set_handler, METH_O,
     "set_handler(callable)\n--\n\nSet what is called with the bytes of each message from the host."},
    {"interrupt_reason", interrupt_reason, METH_NOARGS,
     "interrupt_reason()\n--\n\nReturn and clear the reason of the last interrupt; 0 if there was none."},
    {"settle", pywasm_settle, METH_O,
     "settle(objects)\n--\n\nMake a list's elements, and all that they refer to, immortal, and the heap compact."},
    {"run_threads", pywasm_run_threads, METH_O,
     "run_threads(seconds)\n--\n\nLet other threads go on until all wait, for so long at most; how many still could."},
    {"forget_threads", pywasm_forget_threads, METH_NOARGS,
     "forget_threads()\n--\n\nDrop all other threads, which stayed behind when this interpreter was copied; their number."},
    {"interrupt_thread", pywasm_interrupt_thread, METH_VARARGS,
     "interrupt_thread(ident, exception)\n--\n\nRaise an exception in another thread; whether there is one."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_pywasm",
    .m_doc = "The door between this Python and the program that runs it.",
    .m_size = -1,
    .m_methods = methods,
};

PyObject *PyInit__pywasm(void) { return PyModule_Create(&definition); }
