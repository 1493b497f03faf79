// A side module in C++: strings, containers, exceptions thrown by it and by libc++ in the core module.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Problem : std::runtime_error {
    using std::runtime_error::runtime_error;
};

int destroyed = 0;

struct Guard {
    ~Guard() { destroyed++; }
};

std::string constructed = std::string("made by a ") + "static constructor";

int descend(int depth) {
    Guard guard;
    if (depth == 0) {
        throw Problem("bottom");
    }
    return descend(depth - 1) + 1;
}

PyObject *thrown(PyObject *, PyObject *args) {
    int depth;
    if (!PyArg_ParseTuple(args, "i:thrown", &depth)) {
        return nullptr;
    }
    destroyed = 0;
    try {
        try {
            descend(depth);
        }
        catch (...) {
            throw;
        }
    }
    catch (const std::exception &error) {
        return Py_BuildValue("(si)", error.what(), destroyed);
    }
    return nullptr;
}

PyObject *out_of_range(PyObject *, PyObject *) {
    try {
        std::vector<int> empty;
        return PyLong_FromLong(empty.at(3));
    }
    catch (const std::out_of_range &error) {
        PyErr_SetString(PyExc_IndexError, error.what());
    }
    return nullptr;
}

PyObject *words(PyObject *, PyObject *args) {
    const char *text;
    if (!PyArg_ParseTuple(args, "s:words", &text)) {
        return nullptr;
    }
    std::map<std::string, long> counted;
    std::string word;
    for (const char *p = text;; p++) {
        if (*p && *p != ' ') {
            word += *p;
            continue;
        }
        if (!word.empty()) {
            counted[word]++;
        }
        word.clear();
        if (!*p) {
            break;
        }
    }
    PyObject *result = PyDict_New();
    for (const auto &[key, value] : counted) {
        PyObject *number = PyLong_FromLong(value);
        PyDict_SetItemString(result, key.c_str(), number);
        Py_DECREF(number);
    }
    return result;
}

PyObject *static_text(PyObject *, PyObject *) { return PyUnicode_FromString(constructed.c_str()); }

PyMethodDef methods[] = {
    {"thrown", thrown, METH_VARARGS, "thrown(depth): the exception's text, and how many destructors ran"},
    {"out_of_range", out_of_range, METH_NOARGS, "out_of_range(): an exception of libc++ as IndexError"},
    {"words", words, METH_VARARGS, "words(text): counted in a std::map"},
    {"static_text", static_text, METH_NOARGS, "static_text(): made before PyInit ran"},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_samplecxx", nullptr, -1, methods, nullptr, nullptr, nullptr, nullptr};

}  // namespace

PyMODINIT_FUNC PyInit__samplecxx() { return PyModule_Create(&definition); }
