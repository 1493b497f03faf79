/* Renumbering of a wasm code section, for modules that are joined into one.

   Everything a function body refers to by number (functions, types, globals, tags, data segments) gets a new
   number from a table; a read of a global whose value is known becomes the constant. What the host's linker
   doesn't do is not understood here either: it is an error, and the module stays on its own.

   Format: the core specification's binary format, "Code Section" and "Instructions", with exceptions
   (exnref), tail calls, vectors and relaxed vectors, and the proposal of wide arithmetic. Runs as a wasm module
   itself: its input may be hostile. */

#include <stddef.h>
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(#name))) name

enum { ERROR_SHORT = 1, ERROR_OPCODE, ERROR_INDEX, ERROR_CONSTANT, ERROR_SPACE, ERROR_NUMBER };

enum space { FUNCTIONS, TYPES, GLOBALS, TAGS, DATA, DROPPED, SPACES };

/* For each space how many numbers there are and their new ones. GLOBALS has two words each: whether the
   second is a value (1) or a number (0). DROPPED are the module's own functions, 1 for those whose body is
   never called and shall not be kept. */
static struct {
    const uint32_t *map;
    uint32_t count;
} spaces[SPACES];

static const uint8_t *in, *in_end;
static uint8_t *out, *out_end;
static uint32_t error;
static const uint8_t *error_at;

extern uint8_t __heap_base;
static uintptr_t heap;

/* `size` bytes that are never given back, or 0. */
uintptr_t EXPORT(reserve)(uint32_t size) {
    if (heap == 0)
        heap = (uintptr_t)&__heap_base;
    uintptr_t start = (heap + 15) & ~(uintptr_t)15;
    uint64_t end = (uint64_t)start + size;
    uint64_t have = (uint64_t)__builtin_wasm_memory_size(0) << 16;
    if (end > have && __builtin_wasm_memory_grow(0, (size_t)((end - have + 0xFFFF) >> 16)) == (size_t)-1)
        return 0;
    heap = (uintptr_t)end;
    return start;
}

void EXPORT(set_space)(uint32_t space, uintptr_t map, uint32_t count) {
    if (space < SPACES) {
        spaces[space].map = (const uint32_t *)map;
        spaces[space].count = count;
    }
}

uint32_t EXPORT(error_code)(void) { return error; }

static void fail(uint32_t code) {
    if (!error) {
        error = code;
        error_at = in;
    }
    in = in_end;
}

static void put(uint8_t byte) {
    if (out == out_end)
        fail(ERROR_SPACE);
    else
        *out++ = byte;
}

static uint8_t get(void) {
    if (in >= in_end) {
        fail(ERROR_SHORT);
        return 0;
    }
    return *in++;
}

static uint64_t get_leb(void) {
    uint64_t value = 0;
    for (uint32_t shift = 0; shift < 64; shift += 7) {
        uint8_t byte = get();
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return value;
    }
    fail(ERROR_NUMBER);
    return 0;
}

static uint32_t get_u32(void) {
    uint64_t value = get_leb();
    if (value > UINT32_MAX)
        fail(ERROR_NUMBER);
    return (uint32_t)value;
}

static void put_u32(uint32_t value) {
    while (value >= 0x80) {
        put((uint8_t)(value | 0x80));
        value >>= 7;
    }
    put((uint8_t)value);
}

static void put_signed(int64_t value) {
    for (;;) {
        uint8_t byte = value & 0x7F;
        value >>= 7;
        if ((value == 0 && !(byte & 0x40)) || (value == -1 && (byte & 0x40))) {
            put(byte);
            return;
        }
        put(byte | 0x80);
    }
}

/* Copies a number as it is, signed or not. */
static void copy_leb(void) {
    uint8_t byte;
    uint32_t length = 0;
    do {
        byte = get();
        put(byte);
        if (++length > 10)
            fail(ERROR_NUMBER);
    } while (byte & 0x80);
}

static void copy(uint32_t count) {
    if ((size_t)(in_end - in) < count)
        fail(ERROR_SHORT);
    else if ((size_t)(out_end - out) < count)
        fail(ERROR_SPACE);
    else {
        __builtin_memcpy(out, in, count);
        in += count;
        out += count;
    }
}

static void copy_index(enum space space) {
    uint32_t index = get_u32();
    if (index >= spaces[space].count)
        fail(ERROR_INDEX);
    else
        put_u32(spaces[space].map[index]);
}

static void copy_memarg(void) {
    copy_leb();
    copy_leb();
}

/* A block's type: nothing or a value type in one byte, or the number of a function type. */
static void copy_block_type(void) {
    if (in < in_end && (*in & 0xC0) == 0x40)
        copy(1);
    else
        copy_index(TYPES);
}

static void copy_value_types(void) {
    uint32_t count = get_u32();
    put_u32(count);
    for (; count && !error; count--) {
        uint8_t type = get();
        /* Numbers, vectors, funcref, externref, exnref. */
        if ((type < 0x7B || type > 0x7F) && type != 0x70 && type != 0x6F && type != 0x69)
            fail(ERROR_OPCODE);
        put(type);
    }
}

static void copy_heap_type(void) {
    if (in < in_end && (*in & 0xC0) == 0x40)
        copy(1);
    else
        fail(ERROR_OPCODE);
}

static void copy_catches(void) {
    uint32_t count = get_u32();
    put_u32(count);
    for (; count && !error; count--) {
        uint8_t kind = get();
        put(kind);
        if (kind > 3)
            fail(ERROR_OPCODE);
        if (kind < 2)
            copy_index(TAGS);
        copy_leb();
    }
}

static void rewrite_global(uint8_t opcode) {
    uint32_t index = get_u32();
    if (index >= spaces[GLOBALS].count) {
        fail(ERROR_INDEX);
        return;
    }
    uint32_t is_value = spaces[GLOBALS].map[2 * index], value = spaces[GLOBALS].map[2 * index + 1];
    if (!is_value) {
        put(opcode);
        put_u32(value);
    } else if (opcode == 0x24) {
        fail(ERROR_CONSTANT);
    } else {
        put(0x41); /* i32.const */
        put_signed((int32_t)value);
    }
}

static void rewrite_bulk(void) {
    uint32_t operation = get_u32();
    put_u32(operation);
    switch (operation) {
    case 8: /* memory.init */
        copy_index(DATA);
        copy_leb();
        break;
    case 9: /* data.drop */
        copy_index(DATA);
        break;
    case 10: /* memory.copy */
    case 14: /* table.copy */
        copy_leb();
        copy_leb();
        break;
    case 11: /* memory.fill */
    case 15: /* table.grow */
    case 16: /* table.size */
    case 17: /* table.fill */
        copy_leb();
        break;
    default: /* up to 7 saturating truncations, from 19 to 22 wide arithmetic: no operands follow */
        if (operation > 7 && (operation < 19 || operation > 22))
            fail(ERROR_OPCODE);
    }
}

static void rewrite_vector(void) {
    uint32_t operation = get_u32();
    put_u32(operation);
    if (operation <= 11 || operation == 92 || operation == 93)
        copy_memarg();
    else if (operation == 12 || operation == 13)
        copy(16);
    else if (operation >= 21 && operation <= 34)
        copy(1);
    else if (operation >= 84 && operation <= 91) {
        copy_memarg();
        copy(1);
    } else if (operation > 0x113)
        fail(ERROR_OPCODE);
}

static void rewrite_instruction(void) {
    uint8_t opcode = get();
    if (opcode == 0x23 || opcode == 0x24) {
        rewrite_global(opcode);
        return;
    }
    put(opcode);
    switch (opcode) {
    case 0x02: case 0x03: case 0x04: /* block, loop, if */
        copy_block_type();
        return;
    case 0x08: /* throw */
        copy_index(TAGS);
        return;
    case 0x0C: case 0x0D: /* br, br_if */
    case 0x20: case 0x21: case 0x22: /* local.get, set, tee */
    case 0x25: case 0x26: /* table.get, set */
    case 0x3F: case 0x40: /* memory.size, grow */
    case 0x41: case 0x42: /* i32.const, i64.const */
        copy_leb();
        return;
    case 0x0E: { /* br_table */
        uint32_t count = get_u32();
        put_u32(count);
        for (uint64_t left = (uint64_t)count + 1; left && !error; left--)
            copy_leb();
        return;
    }
    case 0x10: case 0x12: /* call, return_call */
    case 0xD2: /* ref.func */
        copy_index(FUNCTIONS);
        return;
    case 0x11: case 0x13: /* call_indirect, return_call_indirect */
        copy_index(TYPES);
        copy_leb();
        return;
    case 0x1C: /* select with types */
        copy_value_types();
        return;
    case 0x1F: /* try_table */
        copy_block_type();
        copy_catches();
        return;
    case 0x43:
        copy(4);
        return;
    case 0x44:
        copy(8);
        return;
    case 0xD0: /* ref.null */
        copy_heap_type();
        return;
    case 0xFC:
        rewrite_bulk();
        return;
    case 0xFD:
        rewrite_vector();
        return;
    case 0x00: case 0x01: case 0x05: case 0x0A: case 0x0B: case 0x0F: case 0x1A: case 0x1B: case 0xD1:
        return;
    default:
        if (opcode >= 0x28 && opcode <= 0x3E)
            copy_memarg();
        else if (opcode < 0x45 || opcode > 0xC4)
            fail(ERROR_OPCODE);
    }
}

static void rewrite_body(void) {
    uint32_t groups = get_u32();
    put_u32(groups);
    for (; groups && !error; groups--) {
        copy_leb();
        uint8_t type = get();
        if ((type < 0x7B || type > 0x7F) && type != 0x70 && type != 0x6F && type != 0x69)
            fail(ERROR_OPCODE);
        put(type);
    }
    while (in < in_end)
        rewrite_instruction();
}

/* The size of a body is known last: it is written into five bytes, which is a valid if long number. */
static void put_size(uint8_t *at, uint32_t size) {
    for (int i = 0; i < 5; i++) {
        at[i] = (uint8_t)((size & 0x7F) | (i < 4 ? 0x80 : 0));
        size >>= 7;
    }
}

/* Rewrites a code section's content without its count; the number of bytes written, or 0 and an error. */
uint32_t EXPORT(rewrite)(uintptr_t code, uint32_t size, uintptr_t target, uint32_t capacity) {
    static const uint8_t never[] = {3, 0, 0x00, 0x0B}; /* no locals, unreachable, end */
    const uint8_t *code_end = (const uint8_t *)code + size;
    in = (const uint8_t *)code;
    in_end = code_end;
    out = (uint8_t *)target;
    out_end = out + capacity;
    error = 0;
    uint32_t count = get_u32();
    if (count != spaces[DROPPED].count)
        fail(ERROR_INDEX);
    for (uint32_t index = 0; index < count && !error; index++) {
        in_end = code_end;
        uint32_t length = get_u32();
        if (length > (size_t)(in_end - in)) {
            fail(ERROR_SHORT);
            break;
        }
        const uint8_t *end = in + length;
        if (spaces[DROPPED].map[index]) {
            for (size_t i = 0; i < sizeof never; i++)
                put(never[i]);
            in = end;
            continue;
        }
        uint8_t *start = out;
        for (int i = 0; i < 5; i++)
            put(0);
        in_end = end;
        rewrite_body();
        if (!error)
            put_size(start, (uint32_t)(out - start - 5));
    }
    return error ? 0 : (uint32_t)(out - (uint8_t *)target);
}
