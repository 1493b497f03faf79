"""The Windows types that portable code names at import time."""

import ctypes

BYTE, WORD, DWORD = ctypes.c_byte, ctypes.c_ushort, ctypes.c_ulong
CHAR, WCHAR = ctypes.c_char, ctypes.c_wchar
INT, UINT, LONG, ULONG = ctypes.c_int, ctypes.c_uint, ctypes.c_long, ctypes.c_ulong
SHORT, USHORT = ctypes.c_short, ctypes.c_ushort
FLOAT, DOUBLE = ctypes.c_float, ctypes.c_double
BOOLEAN, BOOL = BYTE, ctypes.c_long
LARGE_INTEGER, ULARGE_INTEGER = ctypes.c_longlong, ctypes.c_ulonglong
HANDLE = HWND = HMODULE = HINSTANCE = HKEY = HGLOBAL = HLOCAL = HDC = HICON = LPVOID = LPCVOID = (
    ctypes.c_void_p
)
LPSTR = LPCSTR = ctypes.c_char_p
LPWSTR = LPCWSTR = LPOLESTR = ctypes.c_wchar_p
WPARAM, LPARAM = ctypes.c_uint, ctypes.c_int
PDWORD = LPDWORD = ctypes.POINTER(DWORD)
PBOOL = LPBOOL = ctypes.POINTER(BOOL)
PHANDLE = LPHANDLE = ctypes.POINTER(HANDLE)
MAX_PATH = 260


class POINT(ctypes.Structure):
    _fields_ = [("x", LONG), ("y", LONG)]


class RECT(ctypes.Structure):
    _fields_ = [("left", LONG), ("top", LONG), ("right", LONG), ("bottom", LONG)]


class FILETIME(ctypes.Structure):
    _fields_ = [("dwLowDateTime", DWORD), ("dwHighDateTime", DWORD)]
