"""The data types of ctypes over simulated memory.

Every object is a view of a `_Memory`: a block of bytes that gets an address when somebody asks for one.
Pointers hold such addresses, and a pointer keeps the block that it was made from alive.
"""

# ruff: noqa: B905, RUF012

import bisect as _bisect
import struct as _struct
import sys as _sys
import weakref as _weakref

SIZEOF_TIME_T = 8
_POINTER_SIZE = _struct.calcsize("P")
_POINTER_CODE = "I" if _POINTER_SIZE == 4 else "Q"
_INTEGERS = "bBhHiIqQ"
_WCHAR_SIZE = 4
_SIZES = {code: _struct.calcsize("=" + code) for code in "?cbBhHiIqQfd"} | {"u": _WCHAR_SIZE}
_SIZES |= dict.fromkeys("zZPO", _POINTER_SIZE)
_NATIVE = "<" if _sys.byteorder == "little" else ">"
_registered = {}


def register(**types):
    """Tell this module the simple types that it needs by name."""
    _registered.update(types)


class _Memory:
    """A block of bytes; `keep` holds what pointers inside it refer to, by offset."""

    __slots__ = ("__weakref__", "_base", "data", "keep")

    _next_base = 0x10000
    _by_base = _weakref.WeakValueDictionary()

    def __init__(self, data):
        self.data = data
        self.keep = {}
        self._base = 0

    @property
    def base(self):
        if not self._base:
            self._base = _Memory._next_base
            _Memory._next_base += (len(self.data) + 47) & ~15
            _Memory._by_base[self._base] = self
        return self._base


def _find(address):
    """The block at an address, and the offset into it."""
    bases = sorted(_Memory._by_base)
    index = _bisect.bisect_right(bases, address) - 1
    block = _Memory._by_base.get(bases[index]) if index >= 0 else None
    if block is None or address - block.base > len(block.data):
        raise ValueError(f"no memory at address {address:#x}" if address else "NULL pointer access")
    return block, address - block.base


class _CDataType(type):
    def __mul__(cls, length):
        if not isinstance(length, int):
            raise TypeError(f"can't multiply by non-int of type {type(length).__name__!r}")
        if length < 0:
            raise ValueError("Array length must be >= 0")
        key = (cls, length)
        if key not in _arrays:
            _arrays[key] = _CDataType(
                f"{cls.__name__}_Array_{length}", (Array,), {"_type_": cls, "_length_": length}
            )
        return _arrays[key]

    __rmul__ = __mul__

    def __setattr__(cls, name, value):
        super().__setattr__(name, value)
        if name == "_fields_":
            _lay_out(cls)

    def from_buffer(cls, source, offset=0):
        view = memoryview(source)
        if view.readonly:
            raise TypeError("underlying buffer is not writable")
        view = view.cast("B")
        _check_room(cls, view, offset)
        return cls._at(_Memory(view), offset)

    def from_buffer_copy(cls, source, offset=0):
        view = memoryview(source).cast("B")
        _check_room(cls, view, offset)
        return cls._at(_Memory(bytearray(view[offset : offset + sizeof(cls)])), 0)

    def from_address(cls, address):
        block, offset = _find(address)
        return cls._at(block, offset)

    def in_dll(cls, library, name):
        raise OSError("native libraries cannot be loaded in this sandbox")

    def from_param(cls, value):
        if isinstance(value, (cls, _Reference)) or value is None:
            return value
        return cls(value)

    def _at(cls, memory, offset):
        instance = cls.__new__(cls)
        instance._memory, instance._offset = memory, offset
        instance._ready()
        return instance


def _check_room(cls, view, offset):
    if offset < 0:
        raise ValueError("offset cannot be negative")
    if len(view) - offset < sizeof(cls):
        raise ValueError(
            f"Buffer size too small ({len(view)} instead of at least {sizeof(cls) + offset} bytes)"
        )


class _CData(metaclass=_CDataType):
    """What all ctypes objects have: a place in memory."""

    _size_ = _alignment_ = 0

    def __new__(cls, *arguments, **named):
        instance = super().__new__(cls)
        instance._memory, instance._offset = _Memory(bytearray(sizeof(cls))), 0
        return instance

    def _ready(self):
        """Called when an instance was laid over existing memory, where __init__ does not run."""

    @property
    def _b_base_(self):
        return None

    @property
    def _objects(self):
        return self._memory.keep or None

    def _bytes(self):
        return bytes(self._memory.data[self._offset : self._offset + sizeof(self)])

    def _store(self, data):
        self._memory.data[self._offset : self._offset + len(data)] = data

    def __buffer__(self, flags):
        return memoryview(self._memory.data)[self._offset : self._offset + sizeof(self)]

    def __ctypes_from_outparam__(self):
        return self


def sizeof(thing):
    """The size in bytes of a type or an object."""
    cls = thing if isinstance(thing, type) else type(thing)
    if not issubclass(cls, _CData):
        raise TypeError("this type has no size")
    if isinstance(thing, _CData) and "_resized" in thing.__dict__:
        return thing._resized
    if issubclass(cls, _SimpleCData):
        return _SIZES[cls._type_]
    if issubclass(cls, Array):
        return sizeof(cls._type_) * cls._length_
    return _POINTER_SIZE if issubclass(cls, _Pointer) else cls._size_


def alignment(thing):
    """The alignment in bytes of a type or an object."""
    cls = thing if isinstance(thing, type) else type(thing)
    if not issubclass(cls, _CData):
        raise TypeError("no alignment info")
    if issubclass(cls, Array):
        return alignment(cls._type_)
    return cls._alignment_ if issubclass(cls, (Structure, Union)) else sizeof(cls)


# --- reading and writing values ---------------------------------------------------------------------


def _read(cls, memory, offset, order=_NATIVE):
    """The Python value of a simple type at a place."""
    code = cls._type_
    if code == "O":
        if offset not in memory.keep:
            raise ValueError("PyObject is NULL")
        return memory.keep[offset]
    if code == "u":
        return bytes(memory.data[offset : offset + _WCHAR_SIZE]).decode("utf-32-le")
    if code in "zZP":
        (address,) = _struct.unpack_from(order + _POINTER_CODE, memory.data, offset)
        if not address:
            return None
        return address if code == "P" else (string_at(address) if code == "z" else wstring_at(address))
    return _struct.unpack_from(order + code, memory.data, offset)[0]


def _write(cls, memory, offset, value, order=_NATIVE):
    """Store a Python value of a simple type at a place."""
    code = cls._type_
    if isinstance(value, cls):
        memory.data[offset : offset + _SIZES[code]] = value._bytes()
        memory.keep |= (
            {offset: value._memory.keep[value._offset]} if value._offset in value._memory.keep else {}
        )
    elif code in _INTEGERS:
        _struct.pack_into(order + code, memory.data, offset, _wrapped(code, value))
    elif code in "fd":
        _struct.pack_into(order + code, memory.data, offset, value)
    elif code == "?":
        memory.data[offset] = bool(value)
    elif code == "c":
        if isinstance(value, int) and 0 <= value < 256:
            value = bytes([value])
        if not isinstance(value, (bytes, bytearray)) or len(value) != 1:
            raise TypeError("one character bytes, bytearray, or an integer in range(256) expected")
        memory.data[offset] = value[0]
    elif code == "u":
        if not isinstance(value, str) or len(value) != 1:
            raise TypeError("one character unicode string expected")
        memory.data[offset : offset + _WCHAR_SIZE] = value.encode("utf-32-le")
    elif code == "O":
        memory.keep[offset] = value
        _struct.pack_into(order + _POINTER_CODE, memory.data, offset, id(value) & 0xFFFFFFFF)
    else:
        _write_pointer(code, memory, offset, value, order)


def _wrapped(code, value):
    if not hasattr(value, "__index__"):
        raise TypeError(f"an integer is required (got type {type(value).__name__})")
    bits = 8 * _SIZES[code]
    number = value.__index__() & ((1 << bits) - 1)
    return number - (1 << bits) if code.islower() and number >> (bits - 1) else number


def _write_pointer(code, memory, offset, value, order=_NATIVE):
    block = None
    if value is None:
        address = 0
    elif isinstance(value, int):
        address = value & ((1 << 8 * _POINTER_SIZE) - 1)
    elif code in "zP" and isinstance(value, bytes):
        block = _Memory(bytearray(value + b"\0"))
        address = block.base
    elif code in "ZP" and isinstance(value, str):
        block = _Memory(bytearray((value + "\0").encode("utf-32-le")))
        address = block.base
    elif code == "P" or isinstance(value, (Array, _Pointer)):
        address, block = _address_of(value)
    else:
        wanted = {"z": "bytes", "Z": "unicode string", "P": "pointer"}[code]
        raise TypeError(f"{wanted} or integer address expected instead of {type(value).__name__} instance")
    memory.keep[offset] = block
    _struct.pack_into(order + _POINTER_CODE, memory.data, offset, address)


def _address_of(value):
    """(address, what to keep alive) of anything that a pointer can be made of."""
    if isinstance(value, _Reference):
        return addressof(value._obj) + value._shift, value._obj._memory
    if isinstance(value, _Pointer) or (isinstance(value, _SimpleCData) and value._type_ in "zZP"):
        (address,) = _struct.unpack_from(_NATIVE + _POINTER_CODE, value._memory.data, value._offset)
        return address, value._memory.keep.get(value._offset)
    if isinstance(value, _CData):
        return addressof(value), value._memory
    if isinstance(value, bytes):
        block = _Memory(bytearray(value + b"\0"))
        return block.base, block
    if isinstance(value, int):
        return value, None
    if value is None:
        return 0, None
    raise TypeError(f"{type(value).__name__} instance cannot be taken for a pointer")


# --- the kinds of types -----------------------------------------------------------------------------


class _SimpleCData(_CData):
    """A number, a character, a boolean, a pointer to text, or an object."""

    _type_ = "i"

    def __init__(self, value=None):
        if value is not None:
            self.value = value

    @property
    def value(self):
        return _read(type(self), self._memory, self._offset)

    @value.setter
    def value(self, value):
        _write(type(self), self._memory, self._offset, value)

    def __bool__(self):
        return any(self._bytes())

    def __repr__(self):
        return f"{type(self).__name__}({self.value!r})"


def _is_plain(cls):
    """Whether reading such an item gives its Python value: of the simple types, not of their subclasses."""
    return issubclass(cls, _SimpleCData) and cls.__base__ is _SimpleCData


def _load(cls, memory, offset, order=_NATIVE):
    return _read(cls, memory, offset, order) if _is_plain(cls) else cls._at(memory, offset)


def _assign(cls, memory, offset, value, order=_NATIVE):
    if issubclass(cls, _SimpleCData):
        _write(cls, memory, offset, value, order)
        return
    if isinstance(value, cls):
        memory.data[offset : offset + sizeof(cls)] = value._bytes()
        memory.keep.update({offset + at - value._offset: kept for at, kept in value._memory.keep.items()})
    elif issubclass(cls, _Pointer):
        _write_pointer("P", memory, offset, value, order)
    elif issubclass(cls, Array) and cls._type_ is _registered.get("c_char"):
        cls._at(memory, offset).value = value
    elif isinstance(value, tuple) or issubclass(cls, Array):
        _assign(cls, memory, offset, cls(*value))
    else:
        raise TypeError(
            f"incompatible types, {type(value).__name__} instance instead of {cls.__name__} instance"
        )


class Array(_CData):
    """A fixed number of items of one type."""

    _type_ = None
    _length_ = 0

    def __init__(self, *items):
        if len(items) > self._length_:
            raise IndexError("invalid index")
        for index, item in enumerate(items):
            self[index] = item

    def __len__(self):
        return self._length_

    def _place(self, index):
        index = index.__index__()
        if index < 0:
            index += self._length_
        if not 0 <= index < self._length_:
            raise IndexError("invalid index")
        return self._offset + index * sizeof(self._type_)

    def __getitem__(self, index):
        if isinstance(index, slice):
            items = [self[i] for i in range(*index.indices(self._length_))]
            if self._type_ is _registered.get("c_char"):
                return b"".join(items)
            return "".join(items) if self._type_ is _registered.get("c_wchar") else items
        return _load(self._type_, self._memory, self._place(index))

    def __setitem__(self, index, value):
        if isinstance(index, slice):
            places = range(*index.indices(self._length_))
            if len(places) != len(value):
                raise ValueError("Can only assign sequence of same size")
            for i, item in zip(places, value):
                self[i] = item
            return
        _assign(self._type_, self._memory, self._place(index), value)

    def __iter__(self):
        return (self[index] for index in range(self._length_))

    def __buffer__(self, flags):
        view = super().__buffer__(flags)
        code = getattr(self._type_, "_type_", None)
        return view.cast(code) if isinstance(code, str) and code in "bBhHiIqQfd" and self._length_ else view

    def _check_text(self, kind):
        if self._type_ is not _registered.get(kind):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute 'value'")

    @property
    def raw(self):
        self._check_text("c_char")
        return self._bytes()

    @raw.setter
    def raw(self, value):
        self._check_text("c_char")
        data = bytes(value)
        if len(data) > sizeof(self):
            raise ValueError("byte string too long")
        self._store(data)

    @property
    def value(self):
        if self._type_ is _registered.get("c_wchar"):
            return self._bytes().decode("utf-32-le").split("\0", 1)[0]
        self._check_text("c_char")
        return self._bytes().split(b"\0", 1)[0]

    @value.setter
    def value(self, value):
        wide = self._type_ is _registered.get("c_wchar")
        if not wide:
            self._check_text("c_char")
        if not isinstance(value, str if wide else bytes):
            raise TypeError(
                f"{'str' if wide else 'bytes'} expected instead of {type(value).__name__} instance"
            )
        if len(value) > self._length_:
            raise ValueError("string too long" if wide else "byte string too long")
        data = value.encode("utf-32-le") if wide else value
        end = _WCHAR_SIZE if wide else 1
        self._store(data + b"\0" * (end if len(value) < self._length_ else 0))


class _Field:
    """A member of a structure or union."""

    def __init__(self, name, cls, offset, order, bits=0, shift=0):
        self.name, self.type, self.offset, self.size = name, cls, offset, sizeof(cls)
        self.byte_offset, self.byte_size = offset, self.size
        self.is_bitfield, self.bit_size, self.bit_offset = bool(bits), bits or 8 * self.size, shift
        self.is_anonymous = False
        self._order = order

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        value = _load(self.type, instance._memory, instance._offset + self.offset, self._order)
        if not self.is_bitfield:
            return value
        number = int(value) >> self.bit_offset & ((1 << self.bit_size) - 1)
        signed = self.type._type_.islower()
        return number - (1 << self.bit_size) if signed and number >> (self.bit_size - 1) else number

    def __set__(self, instance, value):
        place = instance._offset + self.offset
        if self.is_bitfield:
            mask = ((1 << self.bit_size) - 1) << self.bit_offset
            old = int(_read(self.type, instance._memory, place, self._order))
            value = old & ~mask | int(value) << self.bit_offset & mask
        _assign(self.type, instance._memory, place, value, self._order)

    def __repr__(self):
        return f"<Field type={self.type.__name__}, ofs={self.offset}, size={self.size}>"


def _lay_out(cls):
    """Give the class its members: offsets, size and alignment, as C lays them out."""
    union, pack = issubclass(cls, Union), getattr(cls, "_pack_", 0)
    order = getattr(cls, "_byte_order_", _NATIVE)
    base = next((b for b in cls.__mro__[1:] if b.__dict__.get("_laid_out_")), None)
    end, largest = (base._size_, base._alignment_) if base else (0, 1)
    size, bit = end, 0  # bit: how many bits of the storage unit that ends at `end` are taken
    previous = None
    for name, member, *bits in cls.__dict__["_fields_"]:
        step = min(alignment(member), pack) if pack else alignment(member)
        width = sizeof(member)
        if bits and not union and previous == width and bit + bits[0] <= 8 * width:
            field = _Field(name, member, end - width, order, bits[0], bit)
            bit += bits[0]
        else:
            offset = 0 if union else -(-end // step) * step
            field = _Field(name, member, offset, order, *bits)
            end = offset + width
            previous, bit = (width, bits[0]) if bits else (None, 0)
        largest, size = max(largest, step), max(size, end)
        type.__setattr__(cls, name, field)
    largest = max(largest, getattr(cls, "_align_", 1))
    type.__setattr__(cls, "_size_", -(-size // largest) * largest)
    type.__setattr__(cls, "_alignment_", largest)
    type.__setattr__(cls, "_laid_out_", True)
    for name in getattr(cls, "_anonymous_", ()):
        outer = cls.__dict__[name]
        outer.is_anonymous = True
        for inner in _field_names(outer.type):
            type.__setattr__(cls, inner, _Forward(outer, inner))


class _Forward:
    """A member of an anonymous member."""

    def __init__(self, outer, name):
        self._outer, self._name = outer, name

    def __get__(self, instance, owner=None):
        return self if instance is None else getattr(self._outer.__get__(instance), self._name)

    def __set__(self, instance, value):
        setattr(self._outer.__get__(instance), self._name, value)


def _field_names(cls):
    return [field[0] for base in reversed(cls.__mro__) for field in base.__dict__.get("_fields_", ())]


class _Aggregate(_CData):
    def __init_subclass__(cls, **arguments):
        super().__init_subclass__(**arguments)
        if "_fields_" in cls.__dict__:
            _lay_out(cls)

    def __init__(self, *values, **named):
        names = _field_names(type(self))
        if len(values) > len(names):
            raise TypeError("too many initializers")
        for name, value in zip(names, values):
            if name in named:
                raise TypeError(f"duplicate values for field {name!r}")
            setattr(self, name, value)
        for name, value in named.items():
            setattr(self, name, value)


class Structure(_Aggregate):
    """Members one after the other."""

    _alignment_ = 1


class Union(_Aggregate):
    """Members at the same place."""

    _alignment_ = 1


class BigEndianStructure(Structure):
    _byte_order_ = ">"


class BigEndianUnion(Union):
    _byte_order_ = ">"


class LittleEndianStructure(Structure):
    _byte_order_ = "<"


class LittleEndianUnion(Union):
    _byte_order_ = "<"


class _Pointer(_CData):
    """A typed pointer."""

    _type_ = None

    def __init__(self, target=None):
        if target is not None:
            self.contents = target

    def _address(self):
        return _struct.unpack_from(_NATIVE + _POINTER_CODE, self._memory.data, self._offset)[0]

    def __bool__(self):
        return self._address() != 0

    def _item(self, index):
        block, offset = _find(self._address() + index * sizeof(self._type_) if self else 0)
        return block, offset

    @property
    def contents(self):
        return self._type_._at(*self._item(0))

    @contents.setter
    def contents(self, target):
        if not isinstance(target, self._type_):
            raise TypeError(f"expected {self._type_.__name__} instead of {type(target).__name__}")
        _write_pointer("P", self._memory, self._offset, byref(target))

    def __getitem__(self, index):
        if isinstance(index, slice):
            if index.stop is None:
                raise ValueError("slice stop is required")
            items = [self[i] for i in range(index.start or 0, index.stop, index.step or 1)]
            return b"".join(items) if self._type_ is _registered.get("c_char") else items
        return _load(self._type_, *self._item(index))

    def __setitem__(self, index, value):
        _assign(self._type_, *self._item(index), value)


_arrays = {}
_pointers = {}


def POINTER(cls):
    """The type of pointers to a type; of a name: an incomplete type."""
    if cls is None:
        return _registered["c_void_p"]
    if cls not in _pointers:
        name = cls if isinstance(cls, str) else cls.__name__
        target = None if isinstance(cls, str) else cls
        _pointers[cls] = _CDataType(f"LP_{name}", (_Pointer,), {"_type_": target})
    return _pointers[cls]


def pointer(instance):
    """A pointer to an object."""
    return POINTER(type(instance))(instance)


class _Reference:
    """What byref() gives: an argument, not an object with memory of its own."""

    __slots__ = ("_obj", "_shift")

    def __init__(self, target, shift):
        self._obj, self._shift = target, shift


def byref(instance, offset=0):
    """A light reference to an object, to pass it as an argument."""
    if not isinstance(instance, _CData):
        raise TypeError(f"byref() argument must be a ctypes instance, not {type(instance).__name__!r}")
    return _Reference(instance, offset)


def cast(value, cls):
    """A pointer of another type to the same place."""
    if not (isinstance(cls, type) and issubclass(cls, _CData)):
        raise TypeError(f"cast() argument 2 must be a pointer, not {cls!r}")
    address, block = _address_of(value)
    instance = cls()
    _write_pointer("P", instance._memory, instance._offset, address)
    instance._memory.keep[instance._offset] = block
    return instance


def addressof(instance):
    """The simulated address of an object."""
    if not isinstance(instance, _CData):
        raise TypeError("invalid type")
    return instance._memory.base + instance._offset


def resize(instance, size):
    """Give an object that owns its memory more of it."""
    if size < sizeof(type(instance)):
        raise ValueError(f"minimum size is {sizeof(type(instance))}")
    block = instance._memory
    if not isinstance(block.data, bytearray) or instance._offset:
        raise ValueError("Memory cannot be resized because this object doesn't own it")
    block.data.extend(bytes(max(0, size - len(block.data))))
    instance._resized = size


def memoryview_at(pointer, size, readonly=False):
    """A view of `size` bytes at a pointer."""
    block, offset = _find(_address_of(pointer)[0])
    view = memoryview(block.data)[offset : offset + size]
    return view.toreadonly() if readonly else view


def string_at(pointer, size=-1):
    """The bytes at a pointer: `size` of them, or up to the NUL."""
    block, offset = _find(_address_of(pointer)[0])
    data = bytes(block.data[offset:])
    return data.split(b"\0", 1)[0] if size < 0 else data[:size]


def wstring_at(pointer, size=-1):
    """The text at a pointer: `size` characters, or up to the NUL."""
    block, offset = _find(_address_of(pointer)[0])
    data = bytes(block.data[offset:])
    text = data[: len(data) // _WCHAR_SIZE * _WCHAR_SIZE].decode("utf-32-le", "replace")
    return text.split("\0", 1)[0] if size < 0 else text[:size]


def memmove(target, source, count):
    """Copy `count` bytes; both sides are ctypes objects, pointers or (the source) bytes."""
    data = string_at(source, count)
    block, offset = _find(_address_of(target)[0])
    if len(data) < count or offset + count > len(block.data):
        raise ValueError("memmove() beyond the end of the memory")
    block.data[offset : offset + count] = data
    return block.base + offset


def memset(target, value, count):
    """Fill `count` bytes."""
    return memmove(target, bytes([value & 0xFF]) * count, count)


def create_string_buffer(init, size=None):
    """A mutable array of c_char, from bytes or of a size."""
    if isinstance(init, bytes):
        buffer = (_registered["c_char"] * (len(init) + 1 if size is None else size))()
        buffer.value = init
        return buffer
    if isinstance(init, int):
        return (_registered["c_char"] * init)()
    raise TypeError(init)


def create_unicode_buffer(init, size=None):
    """A mutable array of c_wchar, from a string or of a size."""
    if isinstance(init, str):
        buffer = (_registered["c_wchar"] * (len(init) + 1 if size is None else size))()
        buffer.value = init
        return buffer
    if isinstance(init, int):
        return (_registered["c_wchar"] * init)()
    raise TypeError(init)
