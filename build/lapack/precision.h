/* The routines that LAPACK has in Fortran 90 only, for one precision: support.c includes this file twice.
 *
 * Translated from LAPACK 3.12.1's dlartg.f90, zlartg.f90, dlassq.f90, dlamch.f, droundup_lwork.f, disnan.f and
 * dlaisnan.f (and the same in single precision), whose comments explain the scaling.
 */

/* Like MAXLOC(work(first:last), 1): the position, counted from 1 at `first`, of the largest element. */
int FN(mxloc)(REAL *work, int *first, int *last) {
    int best = *first;
    for (int k = *first + 1; k <= *last; k++) {
        if (work[k - 1] > work[best - 1] || work[best - 1] != work[best - 1]) {
            best = k;
        }
    }
    return best - *first + 1;
}

int REAL_NAME(isnan)(REAL *x) { return *x != *x; }

int REAL_NAME(laisnan)(REAL *x, REAL *y) { return *x != *y; }

REAL REAL_NAME(lamc3)(REAL *a, REAL *b) { return *a + *b; }

/* The size of a workspace as a floating-point number that is not less. */
REAL REAL_NAME(roundup_lwork)(int *size) {
    REAL rounded = *size;
    return (long long)rounded < *size ? rounded * (1 + EPSILON) : rounded;
}

REAL REAL_NAME(lamch)(char *what) {
    switch (*what | 0x20) {
    case 'e':
        return EPSILON / 2;
    case 's':
    case 'u':
        return SAFMIN;
    case 'b':
        return 2;
    case 'p':
        return EPSILON;
    case 'n':
        return DIGITS;
    case 'r':
        return 1;
    case 'm':
        return MIN_EXPONENT;
    case 'l':
        return MAX_EXPONENT;
    case 'o':
        return HUGEST;
    default:
        return 0;
    }
}

static REAL FN(larger)(REAL a, REAL b) { return a > b ? a : b; }

static REAL FN(within_safe_range)(REAL x) {
    x = FN(larger)(SAFMIN, x);
    return x < SAFMAX ? x : SAFMAX;
}

void REAL_NAME(lartg)(REAL *f, REAL *g, REAL *c, REAL *s, REAL *r) {
    REAL least = SQRT(SAFMIN), most = SQRT(SAFMAX / 2), f1 = FABS(*f), g1 = FABS(*g);
    if (*g == 0) {
        *r = *f;
        *c = 1;
        *s = 0;
    } else if (*f == 0) {
        *s = COPYSIGN(1, *g);
        *c = 0;
        *r = g1;
    } else if (f1 > least && f1 < most && g1 > least && g1 < most) {
        REAL d = SQRT(*f * *f + *g * *g), signed_d = COPYSIGN(d, *f);
        *s = *g / signed_d;
        *c = f1 / d;
        *r = signed_d;
    } else {
        REAL u = FN(within_safe_range)(FN(larger)(f1, g1)), fs = *f / u, gs = *g / u;
        REAL d = SQRT(fs * fs + gs * gs), signed_d = COPYSIGN(d, *f);
        *c = FABS(fs) / d;
        *s = gs / signed_d;
        *r = signed_d * u;
    }
}

static REAL FN(squared_size)(COMPLEX z) { return creal(z) * creal(z) + cimag(z) * cimag(z); }

static REAL FN(larger_part)(COMPLEX z) { return FN(larger)(FABS((REAL)creal(z)), FABS((REAL)cimag(z))); }

/* f == 0 */
static void FN(rotation_of_second)(COMPLEX g, COMPLEX *s, COMPLEX *r) {
    if (creal(g) == 0 || cimag(g) == 0) {
        REAL d = FN(larger_part)(g);
        *s = (COMPLEX)conj(g) / d;
        *r = d;
        return;
    }
    REAL g1 = FN(larger_part)(g), u = 1;
    if (!(g1 > SQRT(SAFMIN) && g1 < SQRT(SAFMAX / 2))) {
        u = FN(within_safe_range)(g1);
        g /= u;
    }
    REAL d = SQRT(FN(squared_size)(g));
    *s = (COMPLEX)conj(g) / d;
    *r = d * u;
}

/* f2 and h2 are |f|**2 and |f|**2 + |g|**2, all within the safe range. */
static void FN(rotation)(COMPLEX f, COMPLEX g, REAL f2, REAL h2, REAL *c, COMPLEX *s, COMPLEX *r) {
    COMPLEX conjugate = (COMPLEX)conj(g);
    if (f2 >= h2 * SAFMIN) {
        *c = SQRT(f2 / h2);
        *r = f / *c;
        if (f2 > SQRT(SAFMIN) && h2 < SQRT(SAFMAX / 4) * 2) {
            *s = conjugate * (f / SQRT(f2 * h2));
        } else {
            *s = conjugate * (*r / h2);
        }
    } else {
        REAL d = SQRT(f2 * h2);
        *c = f2 / d;
        *r = *c >= SAFMIN ? f / *c : f * (h2 / d);
        *s = conjugate * (f / d);
    }
}

void COMPLEX_NAME(lartg)(COMPLEX *f_, COMPLEX *g_, REAL *c, COMPLEX *s, COMPLEX *r) {
    COMPLEX f = *f_, g = *g_;
    if (g == 0) {
        *c = 1;
        *s = 0;
        *r = f;
        return;
    }
    if (f == 0) {
        *c = 0;
        FN(rotation_of_second)(g, s, r);
        return;
    }
    REAL least = SQRT(SAFMIN), most = SQRT(SAFMAX / 4), f1 = FN(larger_part)(f), g1 = FN(larger_part)(g);
    if (f1 > least && f1 < most && g1 > least && g1 < most) {
        REAL f2 = FN(squared_size)(f);
        FN(rotation)(f, g, f2, f2 + FN(squared_size)(g), c, s, r);
        return;
    }
    REAL u = FN(within_safe_range)(FN(larger)(f1, g1)), v = u;
    if (f1 / u < least) {
        v = FN(within_safe_range)(f1);
    }
    REAL w = v / u;
    f /= v;
    g /= u;
    REAL f2 = FN(squared_size)(f);
    FN(rotation)(f, g, f2, f2 * w * w + FN(squared_size)(g), c, s, r);
    *c *= w;
    *r *= u;
}

/* Blue's sums: of what is too big to be squared, of what is too small, and of the rest. */
typedef struct {
    REAL big, medium, small;
    int none_big;
} FN(Sums);

static void FN(add)(FN(Sums) *sums, REAL x) {
    x = FABS(x);
    if (x > TOO_BIG) {
        sums->big += (x * SCALE_BIG) * (x * SCALE_BIG);
        sums->none_big = 0;
    } else if (x < TOO_SMALL) {
        if (sums->none_big) {
            sums->small += (x * SCALE_SMALL) * (x * SCALE_SMALL);
        }
    } else {
        sums->medium += x * x;
    }
}

static void FN(add_scaled)(FN(Sums) *sums, REAL scale, REAL sumsq) {
    REAL x = scale * SQRT(sumsq);
    if (x > TOO_BIG) {
        if (scale > 1) {
            scale *= SCALE_BIG;
            sums->big += scale * (scale * sumsq);
        } else {
            sums->big += scale * (scale * (SCALE_BIG * (SCALE_BIG * sumsq)));
        }
    } else if (x < TOO_SMALL) {
        if (sums->none_big && scale < 1) {
            scale *= SCALE_SMALL;
            sums->small += scale * (scale * sumsq);
        } else if (sums->none_big) {
            sums->small += scale * (scale * (SCALE_SMALL * (SCALE_SMALL * sumsq)));
        }
    } else {
        sums->medium += scale * (scale * sumsq);
    }
}

static void FN(combine)(FN(Sums) sums, REAL *scale, REAL *sumsq) {
    int has_medium = sums.medium > 0 || sums.medium != sums.medium;
    if (sums.big > 0) {
        if (has_medium) {
            sums.big += sums.medium * SCALE_BIG * SCALE_BIG;
        }
        *scale = 1 / (REAL)SCALE_BIG;
        *sumsq = sums.big;
    } else if (sums.small > 0 && has_medium) {
        REAL medium = SQRT(sums.medium), small = SQRT(sums.small) / (REAL)SCALE_SMALL;
        REAL high = small > medium ? small : medium, low = small > medium ? medium : small;
        *scale = 1;
        *sumsq = high * high * (1 + (low / high) * (low / high));
    } else if (sums.small > 0) {
        *scale = 1 / (REAL)SCALE_SMALL;
        *sumsq = sums.small;
    } else {
        *scale = 1;
        *sumsq = sums.medium;
    }
}

/* `parts` is the count of real numbers that an element of x consists of. */
static void FN(sum_of_squares)(int n, REAL *x, int step, int parts, REAL *scale, REAL *sumsq) {
    if (*scale != *scale || *sumsq != *sumsq) {
        return;
    }
    if (*sumsq == 0) {
        *scale = 1;
    }
    if (*scale == 0) {
        *scale = 1;
        *sumsq = 0;
    }
    if (n <= 0) {
        return;
    }
    FN(Sums) sums = {0, 0, 0, 1};
    x += step < 0 ? (1 - n) * step * parts : 0;
    for (int k = 0; k < n; k++, x += step * parts) {
        for (int part = 0; part < parts; part++) {
            FN(add)(&sums, x[part]);
        }
    }
    if (*sumsq > 0) {
        FN(add_scaled)(&sums, *scale, *sumsq);
    }
    FN(combine)(sums, scale, sumsq);
}

void REAL_NAME(lassq)(int *n, REAL *x, int *step, REAL *scale, REAL *sumsq) {
    FN(sum_of_squares)(*n, x, *step, 1, scale, sumsq);
}

void COMPLEX_NAME(lassq)(int *n, COMPLEX *x, int *step, REAL *scale, REAL *sumsq) {
    FN(sum_of_squares)(*n, (REAL *)x, *step, 2, scale, sumsq);
}
