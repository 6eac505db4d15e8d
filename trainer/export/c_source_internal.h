/* trainer/export/c_source_internal.h -- a C file that is being written, and what its parts are written with.
 */
#ifndef TRAINER_EXPORT_C_SOURCE_INTERNAL_H
#define TRAINER_EXPORT_C_SOURCE_INTERNAL_H
#include <stdio.h>

#include "trainer/export/c_source.h"
#include "trainer/net/student_internal.h"

enum { TR__C_PANEL = 4, TR__C_EXAMPLES = 8 }; /* outputs of a panel; examples of a self-test */

struct tr__source {
    const struct tr_model *model;
    const struct tr_c_options *options;
    const struct space_stem *stem;
    char upper[TR_C_NAME];
    char parameter[TR_C_NAME + 32]; /* of a function that needs memory */
    const char *file;               /* of the code, without folder and ending */
    int file_length;
    FILE *out;
    int64_t rom;        /* bytes of constants so far */
    bool text;          /* it reads ids, as many as a call has */
    bool steps, frames; /* a policy: of numbers, with a memory; of frames, each by itself */
    const char *tokens; /* how many rows there are, in C */
};

/* ---- constants: c_constants.c ---- */

void tr__array_begin(struct tr__source *s, const char *type, const char *name, int64_t count,
                     int size);
/* Value i of an array. */
void tr__put_float(struct tr__source *s, int64_t i, float value);
void tr__put_int8(struct tr__source *s, int64_t i, int value);
void tr__array_end(struct tr__source *s);
void tr__put_floats(struct tr__source *s, const char *name, const float *values, int64_t count);
/* All of the network. */
void tr__put_constants(struct tr__source *s);

/* y = layer(x), x in floats: in int8 quantised first. */
void tr__put_call(struct tr__source *s, const char *indent, const char *name,
                  const struct tr_plan_linear *layer, const char *x, bool add, const char *y);
/* m->row: the pooled row, behind the final norm; of means by variables i and t. */
void tr__c_pool(struct tr__source *s);

/* ---- texts: c_text.c ---- */

void tr__c_text_sizes(const struct tr__source *s, FILE *out);
void tr__c_text_constants(struct tr__source *s);
/* Ids to the residual stream; and how that is called, false to return -1. */
void tr__c_text_stem(struct tr__source *s);
/* Parameters that an example is, and what they are called. */
const char *tr__c_text_parameters(const struct tr__source *s);
const char *tr__c_text_arguments(const struct tr__source *s);
rt_status tr__c_text_test(struct tr__source *s, struct rt_err *err);

/* ---- policies: c_controller.c ---- */

/* Into the header. */
void tr__c_controller_sizes(const struct tr__source *s, FILE *out);
void tr__c_controller_declare(const struct tr__source *s, FILE *out);
/* Members of NAME_memory that are kept from step to step; their bytes. */
void tr__c_controller_memory(const struct tr__source *s, FILE *out);
int64_t tr__c_controller_bytes(const struct tr__source *s);
void tr__c_controller_constants(struct tr__source *s);
/* act() and, of steps, see() and stem(); what is called from elsewhere, behind the blocks. Of frames the
 * rest is as of images. */
void tr__c_controller_functions(struct tr__source *s);
void tr__c_controller_run(struct tr__source *s);
rt_status tr__c_controller_test(struct tr__source *s, struct rt_err *err);
#endif
