/* Routines of LAPACK that f2c cannot translate. */

#include <complex.h>
#include <float.h>
#include <math.h>
#include <string.h>

/* As in Fortran, a product of complex numbers is what its formula says. */
#pragma STDC CX_LIMITED_RANGE ON

#define REAL double
#define COMPLEX double _Complex
#define FN(name) name##d_
#define REAL_NAME(name) d##name##_
#define COMPLEX_NAME(name) z##name##_
#define SQRT sqrt
#define FABS fabs
#define COPYSIGN copysign
#define EPSILON DBL_EPSILON
#define SAFMIN 0x1p-1022
#define SAFMAX 0x1p1022
#define HUGEST DBL_MAX
#define DIGITS DBL_MANT_DIG
#define MIN_EXPONENT DBL_MIN_EXP
#define MAX_EXPONENT DBL_MAX_EXP
#define TOO_SMALL 0x1p-511
#define TOO_BIG 0x1p486
#define SCALE_SMALL 0x1p537
#define SCALE_BIG 0x1p-538
#include "precision.h"

#undef REAL
#undef COMPLEX
#undef FN
#undef REAL_NAME
#undef COMPLEX_NAME
#undef SQRT
#undef FABS
#undef COPYSIGN
#undef EPSILON
#undef SAFMIN
#undef SAFMAX
#undef HUGEST
#undef DIGITS
#undef MIN_EXPONENT
#undef MAX_EXPONENT
#undef TOO_SMALL
#undef TOO_BIG
#undef SCALE_SMALL
#undef SCALE_BIG

#define REAL float
#define COMPLEX float _Complex
#define FN(name) name##s_
#define REAL_NAME(name) s##name##_
#define COMPLEX_NAME(name) c##name##_
#define SQRT sqrtf
#define FABS fabsf
#define COPYSIGN copysignf
#define EPSILON FLT_EPSILON
#define SAFMIN 0x1p-126f
#define SAFMAX 0x1p126f
#define HUGEST FLT_MAX
#define DIGITS FLT_MANT_DIG
#define MIN_EXPONENT FLT_MIN_EXP
#define MAX_EXPONENT FLT_MAX_EXP
#define TOO_SMALL 0x1p-63f
#define TOO_BIG 0x1p52f
#define SCALE_SMALL 0x1p75f
#define SCALE_BIG 0x1p-76f
#include "precision.h"

int xerbla_(char *name, int *parameter);

void xerbla_array_(char *name, int *length, int *parameter) {
    char text[32] = "";
    memcpy(text, name, *length < 31 ? *length : 31);
    xerbla_(text, parameter);
}

char chla_transtype_(int *operation) {
    return *operation == 111 ? 'N' : *operation == 112 ? 'T' : *operation == 113 ? 'C' : 'X';
}
