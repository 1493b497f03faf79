;; Prints each argument on a line.
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\n")
  (func $length (param $string i32) (result i32) (local $end i32)
    (local.set $end (local.get $string))
    (loop $next
      (if (i32.load8_u (local.get $end)) (then
        (local.set $end (i32.add (local.get $end) (i32.const 1)))
        (br $next))))
    (i32.sub (local.get $end) (local.get $string)))
  (func (export "run") (result i32) (local $index i32)
    (if (call $args_sizes_get (i32.const 0) (i32.const 4)) (then (return (i32.const 1))))
    (if (call $args_get (i32.const 1024) (i32.const 4096)) (then (return (i32.const 2))))
    (loop $next
      (if (i32.lt_u (local.get $index) (i32.load (i32.const 0))) (then
        ;; two iovecs at 32: the argument, a newline
        (i32.store (i32.const 32) (i32.load (i32.add (i32.const 1024) (i32.mul (local.get $index) (i32.const 4)))))
        (i32.store (i32.const 36) (call $length (i32.load (i32.const 32))))
        (i32.store (i32.const 40) (i32.const 16))
        (i32.store (i32.const 44) (i32.const 1))
        (if (call $fd_write (i32.const 1) (i32.const 32) (i32.const 2) (i32.const 8)) (then (return (i32.const 3))))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $next))))
    (i32.const 0)))
