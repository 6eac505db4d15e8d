/* cli/replay.c -- both sides are looked through by name: the order of rows means nothing. */
#include "cli/replay.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is not finite is kept as NULL, whatever it was. */
static bool equal(double a, double b)
{
    return a == b || (!isfinite(a) && !isfinite(b));
}

static bool is_latency(const char *name)
{
    const size_t length = strlen("latency");

    name += *name == '-'; /* of an objective that is maximised */
    return strncmp(name, "latency", length) == 0 && (!name[length] || name[length] == '@');
}

static const struct store_value *value_of(const struct store_result *result, const char *name)
{
    for (int i = 0; i < result->value_count; i++)
        if (strcmp(result->values[i].name, name) == 0)
            return &result->values[i];
    return NULL;
}

void replay_lend_latency(const struct store_result *before, struct store_result *now)
{
    for (int i = 0; i < before->value_count && now->value_count < STORE_MAX_METRICS; i++) {
        const struct store_value *v = &before->values[i];
        if (now->status == RT_OK && is_latency(v->name) && !value_of(now, v->name))
            now->values[now->value_count++] = *v;
    }
}

static void print_value(FILE *out, const struct store_value *value)
{
    if (!value)
        (void)fprintf(out, "nothing");
    else
        (void)fprintf(out, "%.17g (+- %.17g)", value->value, value->stderr_);
}

static void compare_values(const struct store_result *before, const struct store_result *now,
                           FILE *out, struct replay *replay)
{
    for (int side = 0; side < 2; side++) {
        const struct store_result *from = side ? now : before;
        for (int i = 0; i < from->value_count; i++) {
            const char *name = from->values[i].name;
            const struct store_value *a = value_of(before, name), *b = value_of(now, name);
            if (is_latency(name) || (side && a))
                continue;
            replay->values++;
            if (a && b && equal(a->value, b->value) && equal(a->stderr_, b->stderr_))
                continue;
            replay->different_values++;
            (void)fprintf(out, "%-18s ", name);
            print_value(out, a);
            (void)fprintf(out, " before, ");
            print_value(out, b);
            (void)fprintf(out, " now\n");
        }
    }
}

static int compare_points(const void *va, const void *vb)
{
    const struct rt_curve_point *a = va, *b = vb;
    const int names = strcmp(a->name, b->name);

    return names ? names : (a->step > b->step) - (a->step < b->step);
}

static void print_point(FILE *out, const struct rt_curve_point *a, const struct rt_curve_point *b)
{
    (void)fprintf(out, "%-18s step %d: ", a ? a->name : b->name, a ? a->step : b->step);
    if (a)
        (void)fprintf(out, "%.17g before, ", a->value);
    else
        (void)fprintf(out, "nothing before, ");
    if (b)
        (void)fprintf(out, "%.17g now", b->value);
    else
        (void)fprintf(out, "nothing now");
    (void)fprintf(out, ", the first of its series\n");
}

static void sort(struct store_result *result)
{
    if (result->curve_count) /* without points there is no array either */
        qsort(result->curve, (size_t)result->curve_count, sizeof *result->curve, compare_points);
}

/* Both in order of series and step, side by side. */
static void compare_curves(struct store_result *before, struct store_result *now, FILE *out,
                           struct replay *replay)
{
    const char *told = "";
    int i = 0, k = 0;

    sort(before);
    sort(now);
    while (i < before->curve_count || k < now->curve_count) {
        const struct rt_curve_point *a = i < before->curve_count ? &before->curve[i] : NULL;
        const struct rt_curve_point *b = k < now->curve_count ? &now->curve[k] : NULL;
        const int order = !a ? 1 : !b ? -1 : compare_points(a, b);
        a = order <= 0 ? a : NULL;
        b = order >= 0 ? b : NULL;
        i += a != NULL;
        k += b != NULL;
        replay->points++;
        if (a && b && equal(a->value, b->value))
            continue;
        replay->different_points++;
        if (strcmp(told, a ? a->name : b->name) != 0)
            print_point(out, a, b);
        told = a ? a->name : b->name;
    }
}

void replay_compare(struct store_result *before, struct store_result *now, FILE *out,
                    struct replay *replay)
{
    *replay = (struct replay){.failed_before = before->status != RT_OK,
                              .failed_now = now->status != RT_OK};
    if (replay->failed_before || replay->failed_now) {
        const char *a = before->kind[0] ? before->kind : rt_status_kind(before->status);
        const char *b = now->kind[0] ? now->kind : rt_status_kind(now->status);
        replay->another_kind = strcmp(a, b) != 0;
        (void)fprintf(out, "%-18s %s before, %s now\n", "outcome", a, b);
        if (now->status != RT_OK)
            (void)fprintf(out, "%-18s %s\n", "reason now", now->error);
        return;
    }
    compare_values(before, now, out, replay);
    compare_curves(before, now, out, replay);
}

bool replay_equal(const struct replay *replay)
{
    return !replay->different_values && !replay->different_points && !replay->another_kind;
}
