"""Commands: processes inside a sandbox, made of WebAssembly programs and interpreters over one filesystem."""
