"""`dlopen`, `dlsym` and `dlerror`: side modules linked into a running instance.

A side module is a relocatable wasm module with a `dylink.0` section. It shares the main module's memory,
table and stack; it imports functions by name from "env", and addresses through globals of its own offset
table: `GOT.mem.<symbol>` (a data address) and `GOT.func.<symbol>` (a table index).

Names are looked up as a native dynamic linker does: in the main module, in modules opened with
RTLD_GLOBAL, in the module itself, in those it NEEDs. All of them are found before anything is changed, so
that a missing one leaves no trace. What fails is a text for `dlerror`, whatever a guest brings as a module;
only a trap inside a constructor ends the guest, as it does anywhere else.
"""

from __future__ import annotations

import ctypes
import hashlib
import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pywasm_sandbox._wasi import Fault

from .capi import EXTERN_SIZE, VAL_SIZE, ExternKind, ValKind
from .dylink import Described, DylinkError, ImportKind, SideModule, SymbolImport, parse
from .failures import DlError, GuestTrap, ModuleRejected, one_line
from .libraries import LibraryFile, find_library
from .passive import FILL, with_passive_data
from .plan import MAIN
from .trampoline import HostImport

if TYPE_CHECKING:
    from .instance import Instance
    from .prelinked import PrelinkedLibrary
    from .replay import LoaderState
    from .runtime import CompiledModule

__all__ = ["FUNCTIONS", "LoadedModule", "Loader"]

RTLD_GLOBAL = 0x100  # musl's dlfcn.h, which wasi-libc ships
MAIN_HANDLE = 1
FIRST_HANDLE = 2
NOBODY = 0
LIBRARY_PATH = ("/usr/lib", "/usr/local/lib")
MAX_NEEDED_DEPTH = 32
MAX_PATH_BYTES = 4096
MAX_FAILURES = 64
"""Of modules that could be compiled but not instantiated: each leaves its globals in the store for good."""
NULL_FUNCTION = bytes([ValKind.FUNCREF]) + bytes(VAL_SIZE - 1)

_LINKAGE = {
    ("env", "memory"): ImportKind.MEMORY,
    ("env", "__indirect_function_table"): ImportKind.TABLE,
    ("env", "__stack_pointer"): ImportKind.GLOBAL,
}
_RELOCATE = "__wasm_apply_data_relocs"
_CONSTRUCT = "__wasm_call_ctors"
_OWN_EXPORTS = frozenset({FILL, _RELOCATE, _CONSTRUCT, "_initialize"})


@dataclass(slots=True, eq=False)
class LoadedModule:
    """One side module in one instance, with where it lies (addresses in bytes, table in elements)."""

    path: str
    sha256: str
    handle: int
    memory_base: int
    memory_size: int
    table_base: int
    table_size: int
    module: Described
    instance: ctypes.Array[ctypes.c_char]
    is_global: bool
    location: str = ""
    """Its absolute path: with the content's hash, what makes it the same library."""
    owners: tuple[int, ...] = ()
    """For each import who defines it: a handle, `MAIN_HANDLE`, or `NOBODY` (itself, its bases, weak)."""
    needed: list[LoadedModule] = field(default_factory=list)
    symbols: dict[str, bytes | None] = field(default_factory=dict)
    slots: dict[str, int] = field(default_factory=dict)
    is_shell: bool = False
    """It is no instance: it only names others that it needs."""
    part: PrelinkedLibrary | None = None
    """Which part of the main module it is, if it isn't an instance of its own."""

    @property
    def prefix(self) -> str:
        """What the names of its exports begin with in `instance`."""
        return "" if self.part is None else self.part.prefix


@dataclass(slots=True, eq=False)
class _Found:
    """A symbol: its extern, and the module that defines it (None: the main one)."""

    extern: bytes
    owner: LoadedModule | None

    @property
    def handle(self) -> int:
        return MAIN_HANDLE if self.owner is None else self.owner.handle


class Loader:
    """The side modules of one instance. All methods run on the guest's thread, within a call."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._error = ""
        self.deferred: LoaderState | None = None
        """The libraries that the instance was made with, until somebody asks for them."""
        self._loaded: list[LoadedModule] = []
        self._by_content: dict[tuple[str, str], LoadedModule] = {}
        self._opening: list[tuple[str, str]] = []
        self._main_slots: dict[str, int] = {}
        self._got: dict[tuple[str, str], bytes] = {}
        self._spare_table: list[tuple[int, int]] = []
        self._failures = 0

    @property
    def loaded(self) -> list[LoadedModule]:
        """The side modules, in the order of their handles."""
        if self.deferred is not None:
            state, self.deferred = self.deferred, None
            state.take_up(self)
        return self._loaded

    # ---- the three functions

    def dlopen(self, path: str, flags: int = 0) -> int:
        """A handle > 0, or 0 and a text for `dlerror`."""
        if not path:
            return MAIN_HANDLE
        return self._answer(lambda: self._open(path, bool(flags & RTLD_GLOBAL), 0).handle)

    def dlsym(self, handle: int, name: str) -> int:
        """Address or table index of a symbol, or 0 and a text for `dlerror`. Handle 0 is RTLD_DEFAULT."""
        return self._answer(lambda: self._symbol(handle, name))

    def dlerror(self) -> str:
        """The last failure's text, once; "" if there was none."""
        error, self._error = self._error, ""
        return error

    def forget(self) -> None:
        """The store is gone."""
        self.deferred = None
        self._loaded.clear()
        self._by_content.clear()
        self._got.clear()

    def _answer(self, fn: Callable[[], int]) -> int:
        _ = self.loaded
        try:
            return fn()
        except (DlError, DylinkError) as error:
            self._error = str(error)
        except Fault:
            self._error = "the name lies outside of memory"
        return 0

    # ---- opening

    def _open(self, path: str, is_global: bool, depth: int) -> LoadedModule:
        file = self._find(path)
        location, sha256 = file.path, file.sha256
        found = self._by_content.get((location, sha256))
        if found is not None:
            found.is_global = found.is_global or is_global
            return found
        if depth > MAX_NEEDED_DEPTH or (location, sha256) in self._opening:
            raise DlError(f"{path}: its needed libraries need each other")
        if len(self.loaded) >= self._instance.limits.side_modules:
            raise DlError(f"{path}: more than {self._instance.limits.side_modules} libraries are loaded")
        info = self._info(path, file)
        self._opening.append((location, sha256))
        try:
            needed = [self._open_needed(name, location, info, is_global, depth) for name in info.needed]
            part = self._prelinked(sha256, needed)
            if part is not None:
                loaded = self.part(path, part, needed, is_global)
            else:
                loaded = self._link(path, file, info, needed, is_global)
            loaded.location = location
        finally:
            self._opening.pop()
        self.loaded.append(loaded)
        self._by_content[location, sha256] = loaded
        self._start(loaded)
        return loaded

    def _prelinked(self, sha256: str, needed: list[LoadedModule]) -> PrelinkedLibrary | None:
        """The part of the main module that is this library, unless it was opened from another place already,
        or needs others than those that it was joined with."""
        part = self._instance.program.prelinked.find(sha256)
        if part is None or any(each.part is part for each in self.loaded):
            return None
        same = [each.part and each.part.number for each in needed] == list(part.needed)
        return part if same else None

    def part(
        self, path: str, part: PrelinkedLibrary, needed: list[LoadedModule], is_global: bool
    ) -> LoadedModule:
        """A part of the main module, with the next handle."""
        return LoadedModule(
            path=path,
            sha256=part.sha256,
            handle=len(self.loaded) + FIRST_HANDLE,
            memory_base=part.memory_base,
            memory_size=part.memory_size,
            table_base=part.table_base,
            table_size=part.table_size,
            module=Described(),
            instance=self._instance.handle,
            is_global=is_global,
            needed=needed,
            part=part,
        )

    def info(self, loaded: LoadedModule) -> SideModule:
        """What a module says about itself. Raises `DlError` where its file has to be read and can't be."""
        if loaded.module.info is None:
            loaded.module.info = self._info(loaded.path, self._find_same(loaded.path, loaded.sha256))
        return loaded.module.info

    def _info(self, path: str, file: LibraryFile) -> SideModule:
        """What the module says about itself; read once while its code is in memory."""
        compiled = self._instance.engine.compiled(_compiled_as(file.sha256))
        if compiled is not None and compiled.info is not None:
            return compiled.info
        try:
            return parse(file.read())
        except DylinkError as error:
            raise DlError(f"{path}: {error}") from error

    def _open_needed(self, name: str, by: str, info: SideModule, is_global: bool, depth: int) -> LoadedModule:
        origin = posixpath.dirname(by)
        folders = [entry.replace("$ORIGIN", origin) for entry in info.runtime_path]
        namespace = self._instance.wasi.namespace
        for folder in (*folders, origin, *LIBRARY_PATH):
            path = posixpath.join(folder, name)
            if namespace.exists(path):
                return self._open(path, is_global, depth + 1)
        raise DlError(
            f"{by}: needed library {name!r} is neither in {origin} nor in {', '.join(LIBRARY_PATH)}"
        )

    def _find(self, path: str) -> LibraryFile:
        instance = self._instance
        return find_library(instance.wasi.namespace, path, LIBRARY_PATH, instance.limits.side_module_bytes)

    def _compile(self, path: str, file: LibraryFile) -> CompiledModule:
        engine, limits = self._instance.engine, self._instance.limits
        keep = not file.foreign or engine.trusts(file.sha256)
        if not keep and limits.foreign_side_module_bytes == 0:
            raise DlError(f"{path}: this sandbox allows no libraries from writable folders")
        if not keep and file.size > limits.foreign_side_module_bytes:
            raise DlError(
                f"{path}: has {file.size} bytes, more than the limit of {limits.foreign_side_module_bytes} "
                "for a library from a writable folder"
            )
        return self._module(path, file.sha256, file.read, keep=keep)

    def _module(self, path: str, sha256: str, read: Callable[[], bytes], *, keep: bool) -> CompiledModule:
        """The compiled form of a library, which is only read if it isn't compiled yet."""
        from .runtime import ModuleSource

        name = posixpath.basename(path)
        source = ModuleSource(name, None, _compiled_as(sha256), lambda: with_passive_data(read()))
        try:
            return self._instance.engine.module(source, keep=keep)
        except ModuleRejected as error:
            raise DlError(f"{path}: {one_line(error.why)}") from error

    def _link(
        self,
        path: str,
        file: LibraryFile,
        info: SideModule,
        needed: list[LoadedModule],
        is_global: bool,
    ) -> LoadedModule:
        if self._failures >= MAX_FAILURES:
            raise DlError(f"{path}: too many libraries could not be loaded")
        resolved = self._resolve(path, info, needed)
        module = self._compile(path, file)
        module.info = info
        limits = self._instance.limits
        if info.memory_size > limits.memory_bytes or info.table_size > limits.table_elements:
            raise DlError(f"{path}: wants more memory or table elements than the guest may have")
        memory_base = self._allocate(path, info)
        try:
            table_base = self._reserve_table(path, info.table_size, info.table_alignment)
            try:
                loaded = LoadedModule(
                    path=path,
                    sha256=file.sha256,
                    handle=len(self.loaded) + FIRST_HANDLE,
                    memory_base=memory_base,
                    memory_size=info.memory_size,
                    table_base=table_base,
                    table_size=info.table_size,
                    module=module,
                    instance=(ctypes.c_char * 16)(),
                    is_global=is_global,
                    is_shell=info.is_shell,
                    needed=needed,
                    owners=tuple(NOBODY if each is None else each.handle for each in resolved),
                )
                self._instantiate(loaded, resolved)
            except DlError:
                self._failures += 1
                self._spare_table.append((table_base, info.table_size))
                raise
        except DlError:
            if memory_base:
                self._call("pywasm_free", memory_base)
            raise
        return loaded

    def _resolve(self, path: str, info: SideModule, needed: list[LoadedModule]) -> list[_Found | None]:
        """Who defines each import; None where the module itself, its bases or nobody (weak) does."""
        found: list[_Found | None] = []
        missing = []
        for each in info.imports:
            definition = None
            if each.module in ("GOT.mem", "GOT.func") and each.kind == ImportKind.GLOBAL:
                kind = ExternKind.FUNC if each.module == "GOT.func" else ExternKind.GLOBAL
                definition = self._lookup(each.name, kind, needed)
                if definition is None and not _is_own(info, each) and not each.weak:
                    missing.append(each.name)
            elif each.module != "env":
                raise DlError(
                    f"{path}: imports {each.module}.{each.name}; libraries may import from env and GOT only"
                )
            elif each.name not in ("__memory_base", "__table_base"):
                definition = self._definition(path, each, needed)
                if definition is None and not each.weak:
                    missing.append(each.name)
            found.append(definition)
        if missing:
            names = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
            raise DlError(f"{path}: undefined symbol{'s' if len(missing) > 1 else ''}: {names}")
        return found

    def _definition(self, path: str, each: SymbolImport, needed: list[LoadedModule]) -> _Found | None:
        linkage = _LINKAGE.get((each.module, each.name))
        if linkage is not None and linkage != each.kind:
            raise DlError(f"{path}: imports {each.name} as something else than it is")
        if each.kind == ImportKind.TAG:
            return self._lookup(each.name, ExternKind.TAG, needed)
        if each.kind == ImportKind.FUNC:
            return self._lookup(each.name, ExternKind.FUNC, needed)
        if linkage is None:
            raise DlError(f"{path}: imports {each.module}.{each.name}, which is neither a function nor a tag")
        extern = self._instance.extern(each.name)
        return None if extern is None else _Found(extern, None)

    def _lookup(self, name: str, kind: int, needed: list[LoadedModule]) -> _Found | None:
        """A definition outside of the module that is being linked."""
        extern = self._instance.extern(name)
        if extern is not None and extern[0] == kind:
            return _Found(extern, None)
        for scope in (*(loaded for loaded in self.loaded if loaded.is_global), *needed):
            own = self._own(scope, name)
            if own is not None and own[0] == kind:
                return _Found(own, scope)
        return None

    def _own(self, loaded: LoadedModule, name: str) -> bytes | None:
        """What a module itself exports under a name, for others."""
        if name not in self.info(loaded).exports or name in _OWN_EXPORTS:
            return None
        if name not in loaded.symbols:
            loaded.symbols[name] = self._instance.export_of(loaded.instance, loaded.prefix + name)
        return loaded.symbols[name]

    def _instantiate(self, loaded: LoadedModule, resolved: list[_Found | None]) -> None:
        if loaded.is_shell:
            return
        own: list[tuple[SymbolImport, bytes]] = []
        imports = b"".join(
            self._import(loaded, each, found, own)
            for each, found in zip(self.info(loaded).imports, resolved, strict=True)
        )
        self.new_instance(loaded, imports, len(self.info(loaded).imports))
        for each, offset_global in own:
            extern = self._own(loaded, each.name)
            assert extern is not None
            self._set_global(offset_global, self._value(_Found(extern, loaded), each.name))

    def new_instance(self, loaded: LoadedModule, imports: bytes, count: int) -> None:
        """Instantiate a module with `count` externs. Raises `DlError`; `GuestTrap` from a start function."""
        instance = self._instance
        trap = ctypes.c_void_p()
        error = instance.engine.c.instance_new(
            instance.context,
            self._compiled(loaded).pointer,
            imports,
            count,
            loaded.instance,
            ctypes.byref(trap),
        )
        if trap.value is not None and (self.info(loaded).has_start or instance.failure is not None):
            raise instance.failed(error, trap.value)
        if trap.value is not None:
            _, report = instance.engine.c.take_trap(trap.value)
            raise DlError(f"{loaded.path}: {GuestTrap.from_report(None, report).message}")
        if error is not None:
            raise DlError(f"{loaded.path}: {one_line(instance.engine.c.take_error(error))}")

    @staticmethod
    def _compiled(loaded: LoadedModule) -> CompiledModule:
        from .runtime import CompiledModule

        assert isinstance(loaded.module, CompiledModule)
        return loaded.module

    def adopt(self, loaded: LoadedModule) -> None:
        """Take in a module that was instantiated, or is a part of the main one."""
        if loaded.part is not None:
            loaded.instance = self._instance.handle
        self.loaded.append(loaded)
        self._by_content[loaded.location, loaded.sha256] = loaded

    def _import(
        self,
        loaded: LoadedModule,
        each: SymbolImport,
        found: _Found | None,
        own: list[tuple[SymbolImport, bytes]],
    ) -> bytes:
        if each.module != "env":
            if found is not None:
                key = (each.module, each.name)
                if found.owner is not None and not found.owner.is_global:
                    return self._new_global(self._value(found, each.name), mutable=True)
                if key not in self._got:
                    self._got[key] = self._new_global(self._value(found, each.name), mutable=True)
                return self._got[key]
            extern = self._new_global(0, mutable=True)
            if _is_own(self.info(loaded), each):
                own.append((each, extern))
            return extern
        if each.name == "__memory_base":
            return self._new_global(loaded.memory_base, mutable=False)
        if each.name == "__table_base":
            return self._new_global(loaded.table_base, mutable=False)
        if found is not None:
            return found.extern
        if each.kind != ImportKind.FUNC or each.signature is None:
            raise DlError(f"{loaded.path}: undefined symbol: {each.name}")
        return self.undefined_function(*each.signature)

    def _start(self, loaded: LoadedModule) -> None:
        """Fill and relocate the module's data and run its constructors."""
        if loaded.is_shell:
            return
        for name in (FILL, _RELOCATE, _CONSTRUCT):
            extern = self._instance.export_of(loaded.instance, loaded.prefix + name)
            if extern is None or extern[0] != ExternKind.FUNC:
                continue
            func = extern[8:24]
            if self._instance.engine.c.func_signature(self._instance.context, func) != ("", ""):
                self._unload(loaded)
                raise DlError(f"{loaded.path}: {name} takes or returns something")
            self._instance.invoke_raw(name, func)

    # ---- again, for images (see `replay`)

    def find(self, path: str, sha256: str) -> tuple[CompiledModule, SideModule]:
        """The library at `path`, compiled, and what it says about itself.

        Raises `DlError` if it isn't the one with this hash.
        """
        file = self._find_same(path, sha256)
        info = self._info(path, file)
        module = self._compile(path, file)
        module.info = info
        return module, info

    def find_compiled(self, path: str, sha256: str) -> CompiledModule:
        """The library with this hash, for who knows that it was loaded from `path`: its file is only read if
        it isn't compiled yet, or where something else than its code is asked for."""

        return self._module(path, sha256, lambda: self._find_same(path, sha256).read(), keep=True)

    def _find_same(self, path: str, sha256: str) -> LibraryFile:
        return self._find(path).expect(sha256, path)

    def instantiate_again(self, loaded: LoadedModule) -> None:
        """Instantiate a module at the bases it had, with the definitions it had.

        Of its code only a start function runs: the linker's, which fills its data, as segments do.
        """
        if loaded.part is not None:
            self.adopt(loaded)
            return
        resolved: list[_Found | None] = []
        for each, handle in zip(self.info(loaded).imports, loaded.owners, strict=True):
            if handle == NOBODY:
                resolved.append(None)
                continue
            owner = None if handle == MAIN_HANDLE else self.loaded[handle - FIRST_HANDLE]
            extern = self._instance.extern(each.name) if owner is None else self._own(owner, each.name)
            if extern is None:
                raise DlError(f"{loaded.path}: undefined symbol: {each.name}")
            resolved.append(_Found(extern, owner))
        self._instantiate(loaded, resolved)
        self.adopt(loaded)

    def origins(self, loaded: LoadedModule) -> list[tuple[Any, ...]] | None:
        """Where each import of a module comes from, as `Plan` takes it; None if it needs no instance."""
        if loaded.part is not None or loaded.is_shell:
            return None
        origins: list[tuple[Any, ...]] = []
        for each, handle in zip(self.info(loaded).imports, loaded.owners, strict=True):
            owner = None if handle in (NOBODY, MAIN_HANDLE) else self.loaded[handle - FIRST_HANDLE]
            number = MAIN if owner is None else handle - FIRST_HANDLE
            if each.module != "env":
                # The offset table's entries are writable: only those of equal names are one.
                sharers = MAIN if handle == MAIN_HANDLE else loaded.handle
                address = self._address(loaded, each, handle, owner)
                origins.append(("constant", True, address, each.module, each.name, sharers))
            elif each.name == "__memory_base":
                origins.append(("constant", False, loaded.memory_base))
            elif each.name == "__table_base":
                origins.append(("constant", False, loaded.table_base))
            elif handle == NOBODY:
                origins.append(("undefined", each.name, *(each.signature or ("?", "?"))))
            else:
                origins.append(("lookup", number, each.name))
        return origins

    def _address(
        self, loaded: LoadedModule, each: SymbolImport, handle: int, owner: LoadedModule | None
    ) -> int:
        """What a module finds in its offset table under a name."""
        if handle == NOBODY and not _is_own(self.info(loaded), each):
            return 0
        scope = loaded if handle == NOBODY else owner
        extern = self._instance.extern(each.name) if scope is None else self._own(scope, each.name)
        assert extern is not None
        return self._value(_Found(extern, scope), each.name)

    def _unload(self, loaded: LoadedModule) -> None:
        """Forget a module none of whose code ran."""
        self.loaded.remove(loaded)
        self._by_content = {key: each for key, each in self._by_content.items() if each is not loaded}
        if loaded.part is not None:
            return
        self._spare_table.append((loaded.table_base, loaded.table_size))
        if loaded.memory_base:
            self._call("pywasm_free", loaded.memory_base)

    # ---- symbols

    def function_slot(self, name: str) -> int:
        """The table index of a function that the main module exports. Raises `DlError`."""
        return self._symbol(MAIN_HANDLE, name)

    def _symbol(self, handle: int, name: str) -> int:
        found = next(self._candidates(handle, name), None)
        if found is None:
            raise DlError(f"undefined symbol: {name}")
        return self._value(found, name)

    def _candidates(self, handle: int, name: str) -> Iterator[_Found]:
        if handle in (0, MAIN_HANDLE):
            scopes: list[LoadedModule | None] = [None, *(each for each in self.loaded if each.is_global)]
        elif FIRST_HANDLE <= handle < FIRST_HANDLE + len(self.loaded):
            first = self.loaded[handle - FIRST_HANDLE]
            scopes = [first, *first.needed]
        else:
            raise DlError(f"{handle} is not the handle of a library")
        for scope in scopes:
            extern = self._instance.extern(name) if scope is None else self._own(scope, name)
            if extern is not None and extern[0] in (ExternKind.FUNC, ExternKind.GLOBAL):
                yield _Found(extern, scope)

    def _value(self, found: _Found, name: str) -> int:
        """The number that C code has for a symbol: a table index or an address."""
        if found.extern[0] == ExternKind.FUNC:
            return self._slot(found, name)
        val = (ctypes.c_char * VAL_SIZE)()
        self._instance.engine.c.global_get(self._instance.context, found.extern[8:], val)
        offset = int.from_bytes(val.raw[8:12], "little")
        return (offset + (found.owner.memory_base if found.owner is not None else 0)) & 0xFFFF_FFFF

    def _slot(self, found: _Found, name: str) -> int:
        """The table index of a function, always the same one."""
        slots = self._main_slots if found.owner is None else found.owner.slots
        slot = slots.get(name)
        if slot is None and found.owner is None:
            slot = self._instance.program.function_slots.get(name)
        elif slot is None and found.owner is not None and found.owner.part is not None:
            slot = found.owner.part.slots.get(name)
        if slot is not None:
            return slot
        slot = self._reserve_table(name, 1, 1)
        self.set_element(slot, bytes([ValKind.FUNCREF]) + bytes(7) + found.extern[8:24] + bytes(8))
        slots[name] = slot
        return slot

    def element(self, slot: int) -> bytes | None:
        """What the table has there, as a `wasmtime_val_t`; None if it ends before."""
        val = (ctypes.c_char * VAL_SIZE)()
        found = self._instance.engine.c.table_get(self._instance.context, self._table(), slot, val)
        return val.raw if found else None

    def set_element(self, slot: int, val: bytes) -> None:
        """Replace what the table has there. Raises `DlError`."""
        c = self._instance.engine.c
        if error := c.table_set(self._instance.context, self._table(), slot, val):
            raise DlError(f"element {slot} of the table: {c.take_error(error)}")

    # ---- memory, table, globals

    def _allocate(self, path: str, info: SideModule) -> int:
        if not info.memory_size:
            return 0
        base = self._call("pywasm_memalign", max(info.memory_alignment, 16), info.memory_size)
        if base == 0:
            raise DlError(f"{path}: no memory for its {info.memory_size} bytes of data")
        return base

    def _reserve_table(self, path: str, size: int, alignment: int) -> int:
        """The index of `size` free elements in the shared table."""
        for index, (base, spare) in enumerate(self._spare_table):
            if spare >= size and base % alignment == 0 and size:
                del self._spare_table[index]
                return base
        c, context, table = self._instance.engine.c, self._instance.context, self._table()
        used: int = c.table_size(context, table)
        base = -(-max(used, 1) // alignment) * alignment
        grow = base + size - used
        if grow:
            if base + size > self._instance.limits.table_elements:
                raise DlError(f"{path}: the table of functions is full")
            error = c.table_grow(context, table, grow, NULL_FUNCTION, ctypes.byref(ctypes.c_uint64()))
            if error is not None:
                c.take_error(error)
                raise DlError(f"{path}: the table of functions cannot grow")
        return base

    def _table(self) -> bytes:
        extern = self._instance.extern("__indirect_function_table")
        if extern is None or extern[0] != ExternKind.TABLE:
            raise DlError("the main module shares no table of functions, so it cannot load libraries")
        return extern[8:]

    def _new_global(self, value: int, *, mutable: bool) -> bytes:
        engine = self._instance.engine
        extern = (ctypes.c_char * EXTERN_SIZE)()
        val = bytes(8) + value.to_bytes(4, "little") + bytes(VAL_SIZE - 12)
        error = engine.c.global_new(
            self._instance.context, engine.global_type(mutable), val, ctypes.addressof(extern) + 8
        )
        if error is not None:
            raise DlError(engine.c.take_error(error))
        return bytes([ExternKind.GLOBAL]) + extern.raw[1:]

    def _set_global(self, extern: bytes, value: int) -> None:
        c = self._instance.engine.c
        val = bytes(8) + value.to_bytes(4, "little") + bytes(VAL_SIZE - 12)
        if error := c.global_set(self._instance.context, extern[8:], val):
            raise DlError(c.take_error(error))

    def undefined_function(self, params: str, results: str) -> bytes:
        """Something to import in place of a weak function that nobody defines; calling it traps."""
        engine = self._instance.engine
        extern = (ctypes.c_char * EXTERN_SIZE)()
        functype = engine.c.new_functype(params, results)
        engine.c.func_new_unchecked(
            self._instance.context,
            functype,
            engine.undefined_callback,
            None,
            None,
            ctypes.addressof(extern) + 8,
        )
        engine.c.wasm_functype_delete(functype)
        return bytes([ExternKind.FUNC]) + extern.raw[1:]

    def _call(self, export: str, *arguments: int) -> int:
        try:
            return self._instance.call(export, *arguments)
        except LookupError as error:
            raise DlError(f"the main module cannot load libraries: {error}") from error


def _compiled_as(sha256: str) -> str:
    """The name of the compiled form of a library with this content."""
    return hashlib.sha256(f"filled by a call 4: {sha256}".encode()).hexdigest()


def _is_own(info: SideModule, each: SymbolImport) -> bool:
    """Whether a module defines the symbol whose address it imports."""
    kind = ImportKind.FUNC if each.module == "GOT.func" else ImportKind.GLOBAL
    return info.exports.get(each.name) == kind and each.name not in _OWN_EXPORTS


# ---- what the guest imports


def _path(instance: Instance, ptr: int, length: int) -> str:
    if length > MAX_PATH_BYTES:
        raise DlError("a name is too long")
    return instance.memory.read(ptr, length).decode("utf-8", "surrogateescape")


def _dlopen(loader: Loader, path_ptr: int, path_len: int, flags: int) -> int:
    return loader._answer(lambda: loader.dlopen(_path(loader._instance, path_ptr, path_len), flags))


def _dlsym(loader: Loader, handle: int, name_ptr: int, name_len: int) -> int:
    return loader._answer(lambda: loader.dlsym(handle, _path(loader._instance, name_ptr, name_len)))


def _dlerror(loader: Loader, ptr: int, capacity: int) -> int:
    text = loader.dlerror().encode("utf-8", "backslashreplace")[:capacity]
    try:
        loader._instance.memory.write(ptr, text)
    except Fault:
        return 0
    return len(text)


FUNCTIONS: tuple[HostImport, ...] = (
    HostImport("dlopen", "iii", "i", _dlopen),
    HostImport("dlsym", "iii", "i", _dlsym),
    HostImport("dlerror", "ii", "i", _dlerror),
)
