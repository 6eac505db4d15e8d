/* tests/teachers_sample.h -- two small teachers of the toy task, and what they say. */
#ifndef TESTS_TEACHERS_SAMPLE_H
#define TESTS_TEACHERS_SAMPLE_H
#include "toy_task.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trainer/learn/teach.h"
#include "trainer/task/npy.h"
#include "trainer/teachers/teachers.h"

enum { examples = 120 };

struct bed { /* a task, two teachers' specifications, and what the training reported */
    char folder[64];
    struct tr_task *task;
    struct space_shape shape;
    struct tr_ensemble_spec spec;
    struct tr_teaching teaching;
    int steps[2]; /* trained, of each teacher */
};

static inline void count_steps(void *context, const char *teacher, int step, int steps)
{
    struct bed *bed = context;

    assert_true(step >= 1 && step <= steps);
    for (int k = 0; k < bed->spec.count; k++)
        bed->steps[k] += strcmp(teacher, bed->spec.teacher[k].name) == 0;
}

static inline struct tr_teacher_spec small_teacher(const char *name, const char *arch)
{
    struct tr_teacher_spec teacher = {.kind = &tr_teacher_trained,
                                      .weight = 1,
                                      .epochs = 3,
                                      .batch = 16,
                                      .learning_rate = 3e-3,
                                      .warmup = .1,
                                      .weight_decay = .01,
                                      .seed = 5};

    snprintf(teacher.name, sizeof teacher.name, "%s", name);
    assert_int_equal(space_arch_parse(arch, &teacher.arch, NULL), RT_OK);
    return teacher;
}

static inline int bed_open(void **state)
{
    struct bed *bed = calloc(1, sizeof *bed);
    struct rt_err err;

    assert_non_null(bed);
    strcpy(bed->folder, "/tmp/retort-teachers-XXXXXX");
    assert_non_null(mkdtemp(bed->folder));
    bed->task = toy_task(examples, 24);

    bed->shape = toy_shape();
    bed->spec.count = 2;
    bed->spec.lanes = TR_LANES;
    bed->spec.teacher[0] = small_teacher("ann", "L1-d8-k4-h2-f16-p4");
    bed->spec.teacher[1] = small_teacher("bob", "L1-d12-k4-h1-f8-p4");
    snprintf(bed->spec.folder, sizeof bed->spec.folder, "%s/some/cache", bed->folder);
    bed->teaching = (struct tr_teaching){.train = tr_train_teacher,
                                         .spec = &bed->spec,
                                         .shape = &bed->shape,
                                         .task = bed->task,
                                         .threads = 1,
                                         .progress = count_steps,
                                         .progress_context = bed};
    assert_ok(tr_kernels_choose(&bed->teaching.kernels, &err));
    *state = bed;
    return 0;
}

static inline int bed_close(void **state)
{
    struct bed *bed = *state;
    char command[128];

    snprintf(command, sizeof command, "rm -r %s", bed->folder);
    assert_int_equal(system(command), 0);
    tr_task_close(bed->task);
    free(bed);
    return 0;
}

static inline void assert_says(const struct rt_err *err, const char *text)
{
    if (!strstr(err->text, text))
        fail_msg("'%s' does not say '%s'", err->text, text);
}

static inline void teach(struct bed *bed)
{
    struct rt_err err;

    memset(bed->steps, 0, sizeof bed->steps);
    assert_ok(tr_teachers_teach(&bed->teaching, &err));
}

/* All logits that the cache holds; the caller frees them. */
static inline float *known(struct bed *bed)
{
    struct tr_knowledge knowledge;
    struct rt_err err;
    float *copy;

    assert_ok(tr_teachers_open(&bed->teaching, &knowledge, &err));
    const size_t n = (size_t)examples * knowledge.key.teachers * knowledge.key.classes;
    copy = malloc(n * sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, knowledge.logits, n * sizeof *copy);
    tr_knowledge_close(&knowledge);
    return copy;
}

/* Opening must fail so and say `text`. */
static inline void refuse_open(struct bed *bed, rt_status code, const char *text)
{
    struct tr_knowledge knowledge = {0};
    struct rt_err err = {0};

    assert_int_equal(tr_teachers_open(&bed->teaching, &knowledge, &err), code);
    assert_says(&err, text);
    assert_null(knowledge.logits);
}

#define in_bed(test) cmocka_unit_test_setup_teardown(test, bed_open, bed_close)
#endif
