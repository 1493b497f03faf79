/* What C translated by f2c includes: its types, and the functions of its run-time library that LAPACK uses. */

#ifndef PYWASM_F2C_H
#define PYWASM_F2C_H

#include <math.h>
#include <string.h>

typedef int integer;
typedef int logical;
typedef int ftnlen;
typedef float real;
typedef double doublereal;
typedef char *address;
typedef struct {
    real r, i;
} complex;
typedef struct {
    doublereal r, i;
} doublecomplex;
typedef logical (*L_fp)();

#define VOID void
#define TRUE_ 1
#define FALSE_ 0

#undef abs
#undef min
#undef max
#define abs(x) ((x) >= 0 ? (x) : -(x))
#define dabs(x) (doublereal) abs(x)
#define min(a, b) ((a) <= (b) ? (a) : (b))
#define max(a, b) ((a) >= (b) ? (a) : (b))
#define dmin(a, b) (doublereal) min(a, b)
#define dmax(a, b) (doublereal) max(a, b)

/* Fortran pads the shorter string with blanks. */

static inline integer s_cmp(char *a, char *b, ftnlen a_length, ftnlen b_length) {
    for (ftnlen k = 0; k < a_length || k < b_length; k++) {
        unsigned char x = k < a_length ? a[k] : ' ', y = k < b_length ? b[k] : ' ';
        if (x != y) {
            return x - y;
        }
    }
    return 0;
}

static inline void s_copy(char *to, char *from, ftnlen to_length, ftnlen from_length) {
    ftnlen length = min(to_length, from_length);
    memmove(to, from, length);
    memset(to + length, ' ', to_length - length);
}

static inline void s_cat(char *to, char *parts[], integer lengths[], integer *count, ftnlen to_length) {
    for (integer k = 0; k < *count; k++) {
        ftnlen length = min(lengths[k], to_length);
        memcpy(to, parts[k], length);
        to += length;
        to_length -= length;
    }
    memset(to, ' ', to_length);
}

static inline integer i_len(char *text, ftnlen length) {
    (void)text;
    return length;
}

/* Rounding, signs, powers */

static inline integer i_dnnt(doublereal *x) { return (integer)round(*x); }
static inline integer i_nint(real *x) { return (integer)roundf(*x); }
static inline double d_sign(doublereal *a, doublereal *b) { return copysign(*a, *b); }
static inline double r_sign(real *a, real *b) { return copysignf(*a, *b); }
static inline double d_lg10(doublereal *x) { return log10(*x); }
static inline double r_lg10(real *x) { return log10(*x); }
static inline double pow_dd(doublereal *x, doublereal *y) { return pow(*x, *y); }

static inline double pow_di(doublereal *x, integer *n) {
    unsigned left = *n < 0 ? 0u - (unsigned)*n : (unsigned)*n;
    double base = *n < 0 ? 1 / *x : *x, power = 1;
    for (; left; left >>= 1, base *= base) {
        if (left & 1) {
            power *= base;
        }
    }
    return power;
}

static inline double pow_ri(real *x, integer *n) {
    doublereal base = *x;
    return pow_di(&base, n);
}

static inline integer pow_ii(integer *x, integer *n) {
    if (*n < 0) {
        return *x == 1 ? 1 : *x != -1 ? 0 : *n & 1 ? -1 : 1;
    }
    integer power = 1;
    for (integer k = 0; k < *n; k++) {
        power *= *x;
    }
    return power;
}

/* Complex numbers */

static inline double d_imag(doublecomplex *z) { return z->i; }
static inline double r_imag(complex *z) { return z->i; }
static inline double z_abs(doublecomplex *z) { return hypot(z->r, z->i); }
static inline double c_abs(complex *z) { return hypot(z->r, z->i); }

static inline void d_cnjg(doublecomplex *result, doublecomplex *z) {
    *result = (doublecomplex){z->r, -z->i};
}

static inline void r_cnjg(complex *result, complex *z) { *result = (complex){z->r, -z->i}; }

static inline void z_div(doublecomplex *result, doublecomplex *a, doublecomplex *b) {
    double ratio, denominator;
    if (fabs(b->r) <= fabs(b->i)) {
        ratio = b->r / b->i;
        denominator = b->i * (1 + ratio * ratio);
        *result =
            (doublecomplex){(a->r * ratio + a->i) / denominator, (a->i * ratio - a->r) / denominator};
    } else {
        ratio = b->i / b->r;
        denominator = b->r * (1 + ratio * ratio);
        *result =
            (doublecomplex){(a->r + a->i * ratio) / denominator, (a->i - a->r * ratio) / denominator};
    }
}

static inline void z_sqrt(doublecomplex *result, doublecomplex *z) {
    double size = hypot(z->r, z->i);
    if (size == 0) {
        *result = (doublecomplex){0, 0};
    } else if (z->r > 0) {
        double r = sqrt(0.5 * (size + z->r));
        *result = (doublecomplex){r, z->i / r / 2};
    } else {
        double i = copysign(sqrt(0.5 * (size - z->r)), z->i);
        *result = (doublecomplex){z->i / i / 2, i};
    }
}

static inline void z_exp(doublecomplex *result, doublecomplex *z) {
    double size = exp(z->r);
    *result = (doublecomplex){size * cos(z->i), size * sin(z->i)};
}

static inline void pow_zi(doublecomplex *result, doublecomplex *z, integer *n) {
    unsigned left = *n < 0 ? 0u - (unsigned)*n : (unsigned)*n;
    doublecomplex base = *z, power = {1, 0};
    if (*n < 0) {
        z_div(&base, &power, z);
    }
    for (; left; left >>= 1) {
        if (left & 1) {
            power = (doublecomplex){power.r * base.r - power.i * base.i, power.r * base.i + power.i * base.r};
        }
        base = (doublecomplex){base.r * base.r - base.i * base.i, 2 * base.r * base.i};
    }
    *result = power;
}

/* In single precision by way of double, as f2c's library does it. */

static inline void c_div(complex *result, complex *a, complex *b) {
    doublecomplex x = {a->r, a->i}, y = {b->r, b->i}, q;
    z_div(&q, &x, &y);
    *result = (complex){(real)q.r, (real)q.i};
}

static inline void c_sqrt(complex *result, complex *z) {
    doublecomplex x = {z->r, z->i}, root;
    z_sqrt(&root, &x);
    *result = (complex){(real)root.r, (real)root.i};
}

static inline void c_exp(complex *result, complex *z) {
    doublecomplex x = {z->r, z->i}, power;
    z_exp(&power, &x);
    *result = (complex){(real)power.r, (real)power.i};
}

static inline void pow_ci(complex *result, complex *z, integer *n) {
    doublecomplex x = {z->r, z->i}, power;
    pow_zi(&power, &x, n);
    *result = (complex){(real)power.r, (real)power.i};
}

#endif
