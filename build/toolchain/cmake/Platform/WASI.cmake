# CMake knows no WASI; the LLVM runtimes' build asks for these two.
set(WASI 1)
set(UNIX 1)
