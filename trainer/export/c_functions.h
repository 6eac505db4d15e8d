/* trainer/export/c_functions.h -- the functions of a student in C that are the same for all students.
 *
 * Internal to c_source.c. They need the macros TOKENS, WIDTH, HEAD_DIM, SCORE_SCALE and EPSILON.
 */
#ifndef TRAINER_EXPORT_C_FUNCTIONS_H
#define TRAINER_EXPORT_C_FUNCTIONS_H

extern const char tr__c_float_linear[];  /* linear(x, w, b, in, out, add, y) */
extern const char tr__c_int8_linear[];   /* quantise(), and linear(codes, w, scale, b, ..) */
extern const char tr__c_row_functions[]; /* norm(), gelu() and attend() */
#endif
