/* trainer/measure/speed.c -- see speed.h. */
#include "trainer/measure/speed.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "trainer/net/student_internal.h"

enum { most_marks = 100000, fewest_steps = 5 };

static const double mark_seconds = 5e-3; /* between two looks at the peak */

/* ---- training ---- */

struct mark { /* what one stretch of steps took */
    double step_seconds, peak, share;
};

struct stopwatch { /* closes a stretch every few milliseconds, and calls a halt in time */
    const struct tr_kernels *kernels;
    double step_flops;
    struct mark *marks;
    int count, steps, steps_in_mark;
    int64_t last, end; /* CPU time of the last mark; wall time of the halt */
    atomic_int stop;
};

static double peak_now(const struct tr_kernels *kernels)
{
    const int64_t start = rt_thread_cpu_ns();
    const double flops = kernels->multiply_add();

    return flops / ((double)(rt_thread_cpu_ns() - start) * 1e-9);
}

static void note_step(void *context, int step, int steps)
{
    struct stopwatch *watch = context;
    const double seconds = (double)(rt_thread_cpu_ns() - watch->last) * 1e-9;
    (void)steps;

    if (step > 1 && ++watch->steps && ++watch->steps_in_mark && seconds >= mark_seconds &&
        watch->count < most_marks) {
        const double each = seconds / watch->steps_in_mark, peak = peak_now(watch->kernels);
        watch->marks[watch->count++] = (struct mark){each, peak, watch->step_flops / each / peak};
        watch->steps_in_mark = 0;
        watch->last = rt_thread_cpu_ns();
    } else if (step == 1) { /* the first step also touches fresh memory */
        watch->last = rt_thread_cpu_ns();
    }
    if (rt_now_ns() > watch->end && watch->steps >= fewest_steps && watch->count)
        atomic_store(&watch->stop, 1);
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* n at least 1; sorts them. */
static double median(double *values, size_t n)
{
    assert(n > 0);
    qsort(values, n, sizeof *values, compare_doubles);
    return values[n / 2];
}

static void take_medians(const struct stopwatch *watch, double *column, struct tr_speed *speed)
{
    const size_t n = (size_t)watch->count;

    for (size_t i = 0; i < n; i++)
        column[i] = watch->marks[i].step_seconds;
    speed->step_seconds = median(column, n);
    for (size_t i = 0; i < n; i++)
        column[i] = watch->marks[i].peak;
    speed->peak = median(column, n);
    for (size_t i = 0; i < n; i++)
        column[i] = watch->marks[i].share;
    speed->share = median(column, n);
}

/* FLOPs of training on one example, as counted in the header. */
static double train_flops(const struct tr_student *student)
{
    struct space_cost cost;
    const struct space_stem *stem = &student->stem;

    tr_student_cost(student, &cost);
    return 2 *
           (3 * (double)cost.macs - (double)stem->tokens * stem->features * student->arch.width);
}

rt_status tr_speed_train(const struct tr_student *student, const struct tr_data *data,
                         const struct tr_recipe *recipe, double seconds, struct tr_weights *weights,
                         struct tr_speed *speed, struct rt_err *err)
{
    const double step_flops = recipe->batch * train_flops(student);
    struct stopwatch watch = {.kernels = student->kernels,
                              .step_flops = step_flops,
                              .end = rt_now_ns() + (int64_t)(seconds * 1e9)};
    struct tr_recipe endless = *recipe;
    const struct tr_training training = {.student = student,
                                         .data = data,
                                         .recipe = &endless,
                                         .seed = 1,
                                         .lanes = 1,
                                         .threads = 1,
                                         .stop = &watch.stop,
                                         .progress = note_step,
                                         .progress_context = &watch};
    struct tr_train_summary summary;
    double *column = malloc(most_marks * sizeof *column);
    rt_status rc;

    assert(recipe->micro_batch > 0 && seconds > 0);
    endless.steps = 1000000000;
    watch.marks = malloc(most_marks * sizeof *watch.marks);
    if (!watch.marks || !column) {
        rc = rt_fail(err, RT_ENOMEM, "no memory to measure speed");
        goto done;
    }
    tr_student_init_params(student, 1, weights->params);
    speed->bytes = tr_train_bytes(&training) + tr_weights_bytes(student, true);
    rc = tr_train(&training, weights, &summary, err);
    if (rc == RT_ESTOP) {
        rc = RT_OK;
        take_medians(&watch, column, speed);
        speed->examples_per_second = recipe->batch / speed->step_seconds;
        speed->flops_per_second = step_flops / speed->step_seconds;
    }
done:
    free(watch.marks);
    free(column);
    return rc;
}

/* ---- products ---- */

struct products { /* room for the four layers of a block on so many rows */
    struct tr_weights weights;
    float *x, *y, *grads;
};

static rt_status products_init(struct products *p, const struct tr_student *student, int rows,
                               struct rt_arena *arena, struct rt_err *err)
{
    const struct tr_plan_block *b = &student->plan->block[0];
    const int widest = 3 * b->inner > b->ffn ? 3 * b->inner : b->ffn;
    const int room = widest > student->arch.width ? widest : student->arch.width;

    RT_TRY(tr_weights_init(&p->weights, student, true, arena, err));
    p->x = tr__rows(arena, rows, room);
    p->y = tr__rows(arena, rows, room);
    p->grads = rt_arena_zalloc(arena, student->param_count, sizeof(float));
    return rt_arena_check(arena, "measuring matrix products", err);
}

/* One layer's three products for so long: FLOPs per second. */
static double time_layer(const struct products *p, const struct tr_student *student,
                         const struct tr_plan_linear *layer, int rows, double seconds)
{
    const struct tr_linear linear = tr__linear(layer, &p->weights);
    const struct tr_kernels *k = student->kernels;
    const struct tr_out x = {p->x, tr__padded(layer->in)}, y = {p->y, tr__padded(layer->out)};
    const int64_t start = rt_thread_cpu_ns();
    double done = 0, spent;

    do {
        k->linear(&linear, rows, tr_seen(x), (struct tr_view){0}, y);
        k->linear_dx(&linear, rows, tr_seen(y), (struct tr_view){0}, false, x);
        k->linear_dw(&linear, rows, tr_seen(y), tr_seen(x), p->grads + layer->weight,
                     p->grads + layer->bias);
        done++;
        spent = (double)(rt_thread_cpu_ns() - start) * 1e-9;
    } while (spent < seconds);
    return done * 6.0 * rows * layer->in * layer->out / spent;
}

/* All four layers as one: their FLOPs over their times. */
static double time_block(const struct products *p, const struct tr_student *student, int rows,
                         double seconds)
{
    const struct tr_plan_block *b = &student->plan->block[0];
    const struct tr_plan_linear layers[] = {b->query, b->proj, b->up, b->down};
    const int count = sizeof layers / sizeof *layers;
    double flops = 0, time = 0;

    for (int i = 0; i < count; i++) {
        const double size = (double)layers[i].in * layers[i].out;
        flops += size;
        time += size / time_layer(p, student, &layers[i], rows, seconds / count);
    }
    return flops / time;
}

rt_status tr_speed_products(const struct tr_student *const students[], int count, int rows,
                            double seconds, double flops_per_second[], struct rt_err *err)
{
    enum { turns = 5 };
    struct rt_arena arena = {0};
    struct products p;
    rt_status rc = RT_OK;

    assert(count > 0 && rows > 0);
    for (int s = 0; s < count; s++)
        flops_per_second[s] = 0;
    for (int turn = 0; turn < turns; turn++)
        for (int s = 0; s < count; s++) {
            double rate;
            rt_arena_init_counting(&arena);
            if ((rc = products_init(&p, students[s], rows, &arena, err)) ||
                (rc = rt_arena_init(&arena, arena.used, err)))
                return rc;
            if ((rc = products_init(&p, students[s], rows, &arena, err)) == RT_OK) {
                tr_weights_pack(students[s], &p.weights);
                rate = time_block(&p, students[s], rows, seconds / turns / count);
                if (rate > flops_per_second[s])
                    flops_per_second[s] = rate;
            }
            rt_arena_release(&arena);
            RT_TRY(rc);
        }
    return RT_OK;
}
