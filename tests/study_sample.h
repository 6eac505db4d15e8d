/* tests/study_sample.h -- the least that a study says, for the tests of study files. */
#ifndef TESTS_STUDY_SAMPLE_H
#define TESTS_STUDY_SAMPLE_H
#include "cli/study.h"
#include "support.h"

/* Line 1 is data, 4 teachers, 7 space. */
#define DATA "data:\n  train_images: i.gz\n  train_labels: l.gz\n"
#define TEACHERS "teachers:\n  members:\n    - {name: t, train: {arch: L1-d16-k8-h1-f16-p7}}\n"
#define SPACE_BUT_FFN                                                                              \
    "space:\n  depth: [1, 2]\n  width: [16]\n  head_dim: [8]\n  heads: [1]\n  patch: [7]\n"
#define SPACE SPACE_BUT_FFN "  ffn: [32]\n"
#define MINIMAL DATA TEACHERS SPACE
#define TRAIN "train: {arch: L1-d16-k8-h1-f16-p7}"
#define MEMBERS(list) DATA "teachers:\n  members:\n" list SPACE

static inline struct study parsed(const char *yaml)
{
    struct study study;
    struct rt_err err;

    assert_ok(study_parse("dir/s.yaml", yaml, strlen(yaml), &study, &err));
    return study;
}
#endif
