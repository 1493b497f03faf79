# The tag of C++ exceptions. A distribution's builtins archive is assembled without exception handling,
# so that its object of this name defines nothing. (The tag of longjmp is in wasi-libc's libsetjmp.)
	.globl	__cpp_exception
	.tagtype	__cpp_exception i32
__cpp_exception:
