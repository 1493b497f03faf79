;; Prints the names in the root directory, read through a buffer that holds one or two entries.
(module
  (import "wasi_snapshot_preview1" "fd_readdir" (func $fd_readdir (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\n")
  (func (export "run") (result i32) (local $cookie i64) (local $size i32)
    (loop $next
      (if (call $fd_readdir (i32.const 3) (i32.const 1024) (i32.const 64) (local.get $cookie) (i32.const 0))
        (then (return (i32.const 1))))
      ;; 24 bytes of dirent, then d_namlen (at 16) bytes of name
      (if (i32.ge_u (i32.load (i32.const 0)) (i32.const 24)) (then
        (local.set $size (i32.add (i32.const 24) (i32.load (i32.const 1040))))
        (if (i32.gt_u (local.get $size) (i32.load (i32.const 0))) (then (return (i32.const 2))))
        (i32.store (i32.const 32) (i32.const 1048))
        (i32.store (i32.const 36) (i32.load (i32.const 1040)))
        (i32.store (i32.const 40) (i32.const 16))
        (i32.store (i32.const 44) (i32.const 1))
        (if (call $fd_write (i32.const 1) (i32.const 32) (i32.const 2) (i32.const 8)) (then (return (i32.const 3))))
        (local.set $cookie (i64.load (i32.const 1024)))
        (br $next))))
    (i32.const 0)))
