/* retort.h -- runs students that `retort distill -o` wrote: images in, logits out.
 *
 * Student  the weights of one file and the memory to run them. It is used by one thread at a time;
 *          retort_share() gives another thread one of its own on the same weights. Nothing else is
 *          shared, and the library keeps no state of its own.
 * Exact    floats by the best kernels of the processor, int8 files in integers: the logits of `retort
 *          predict`, whatever stands beside an image in a call.
 * Errors   are codes below 0; the text of one, a line, goes to `why`, which may be NULL and else has
 *          room for RETORT_TEXT bytes.
 * Link     cc main.c $(pkg-config --cflags --libs retort)
 */
#ifndef RETORT_H
#define RETORT_H
#include <stdint.h>

#if defined __GNUC__
#define RETORT_API __attribute__((visibility("default")))
#else
#define RETORT_API
#endif
#ifdef __cplusplus
extern "C" {
#endif

enum {
    RETORT_OK = 0,
    RETORT_EFILE = -1,   /* cannot be read */
    RETORT_EFORMAT = -2, /* is no file of a student, or is damaged */
    RETORT_ETASK = -3,   /* of a student that reads no images */
    RETORT_EMEMORY = -4,
    RETORT_EMACHINE = -5 /* this processor, or a library that it needs, cannot run it */
};
enum { RETORT_TEXT = 384 };

struct retort_student;

struct retort_shape {
    int height, width,
        channels; /* of an image: uint8 (height, width, channels), as the data have them */
    int classes;  /* logits of an image */
    int int8;     /* 1: computed in integers */
};

/* Opens a file; *student is set on success alone. */
RETORT_API int retort_open(const char *path, struct retort_student **student, char *why);
/* Another one on the same weights, for another thread. Either may be closed first. */
RETORT_API int retort_share(struct retort_student *student, struct retort_student **other,
                            char *why);
/* NULL is none. */
RETORT_API void retort_close(struct retort_student *student);

RETORT_API struct retort_shape retort_shape_of(const struct retort_student *student);
/* What the file notes under a key, such as "arch" or "labels"; NULL: nothing. It lives as long as a
 * student of that file. */
RETORT_API const char *retort_note(const struct retort_student *student, const char *key);

/* pixels (n, height, width, channels), logits (n, classes): the caller's. It cannot fail. */
RETORT_API void retort_run(struct retort_student *student, const uint8_t *pixels, int n,
                           float *logits);
/* "0.1.0" */
RETORT_API const char *retort_version(void);

#ifdef __cplusplus
}
#endif
#endif
