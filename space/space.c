/* space/space.c -- choices, limits and anchors of a space; see space.h.
 *
 * Messages begin with the key as the study file spells it ("space.width"), so that whoever read
 * that file can add the line.
 */
#include "space/space.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "space/space_internal.h"

static int compare_ints(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static rt_status init_choices(struct space *space, enum space__kind kind, struct rt_err *err)
{
    const char *key = space__student[kind].name;
    const int most = space__student[kind].most;
    struct space_choices *choices =
        (struct space_choices *)((char *)space + space__student[kind].choices);
    int kept = 0;

    if (choices->count < 1 || choices->count > SPACE_MAX_CHOICES)
        return rt_fail(err, RT_EARG, "space.%s: %s; give 1 to %d choices, like [1, 2, 4]", key,
                       choices->count < 1 ? "there is nothing to choose from" : "too many choices",
                       SPACE_MAX_CHOICES);
    for (int i = 0; i < choices->count; i++)
        if (choices->value[i] < 1 || choices->value[i] > most)
            return rt_fail(err, RT_EARG, "space.%s: %d is out of range; give 1 to %d", key,
                           choices->value[i], most);
    qsort(choices->value, (size_t)choices->count, sizeof *choices->value, compare_ints);
    for (int i = 0; i < choices->count; i++)
        if (!kept || choices->value[i] != choices->value[kept - 1])
            choices->value[kept++] = choices->value[i];
    choices->count = kept;
    return RT_OK;
}

static rt_status init_ratios(struct space *space, struct rt_err *err)
{
    const int widest = space->width.value[space->width.count - 1];
    int kept = 0;

    if (space->ratio_count < 1 || space->ratio_count > SPACE_MAX_CHOICES)
        return rt_fail(err, RT_EARG,
                       "space.ffn_ratio: there is nothing to choose from; give 1 to %d choices of "
                       "ffn or ffn_ratio",
                       SPACE_MAX_CHOICES);
    for (int i = 0; i < space->ratio_count; i++)
        if (!(space->ffn_ratio[i] > 0) ||
            space->ffn_ratio[i] * widest > 4. * SPACE_MAX_WIDTH) /* NaN fails the first */
            return rt_fail(err, RT_EARG,
                           "space.ffn_ratio: %g is out of range; give ratios above 0 that make at "
                           "most %d of the largest width %d",
                           space->ffn_ratio[i], 4 * SPACE_MAX_WIDTH, widest);
    qsort(space->ffn_ratio, (size_t)space->ratio_count, sizeof *space->ffn_ratio, compare_doubles);
    for (int i = 0; i < space->ratio_count; i++)
        if (!kept || space->ffn_ratio[i] > space->ffn_ratio[kept - 1])
            space->ffn_ratio[kept++] = space->ffn_ratio[i];
    space->ratio_count = kept;
    return RT_OK;
}

static rt_status check_text(const struct space *space, struct rt_err *err)
{
    const struct space_shape *s = &space->shape;

    if (space->patch.count || space->history.count || !space->vocabulary.count)
        return rt_fail(err, RT_EARG, "space: texts have a vocabulary, no patch and no history");
    if (s->length > SPACE_MAX_LENGTH || s->classes < 1)
        return rt_fail(err, RT_EARG,
                       "space: texts of %d tokens with %d classes make no network; at most %d "
                       "tokens are read",
                       s->length, s->classes, SPACE_MAX_LENGTH);
    return RT_OK;
}

static rt_status check_states(const struct space *space, struct rt_err *err)
{
    if (!space->history.count || space->patch.count || space->vocabulary.count)
        return rt_fail(err, RT_EARG, "space: states have a history, no patch and no vocabulary");
    assert(space->shape.classes >= 1);
    return RT_OK;
}

static rt_status check_shape(const struct space *space, struct rt_err *err)
{
    const struct space_shape *s = &space->shape;

    if (s->length)
        return check_text(space, err);
    if (s->features)
        return check_states(space, err);
    if (space->vocabulary.count || space->embedding.count || space->history.count)
        return rt_fail(err, RT_EARG,
                       "space: images have no embedding, no vocabulary and no history");
    if (s->height < 1 || s->width < 1 || s->channels < 1 || s->classes < 1)
        return rt_fail(err, RT_EARG, "space: images of %dx%dx%d with %d classes make no network",
                       s->height, s->width, s->channels, s->classes);
    if ((int64_t)s->height * s->width > INT_MAX / s->channels)
        return rt_fail(err, RT_EARG, "space: images of %dx%dx%d are too large", s->height, s->width,
                       s->channels);
    for (int i = 0; i < space->patch.count; i++)
        if (s->height % space->patch.value[i] || s->width % space->patch.value[i])
            return rt_fail(err, RT_EARG,
                           "space.patch: %d does not divide images of %dx%d pixels; give a "
                           "divisor of both",
                           space->patch.value[i], s->height, s->width);
    return RT_OK;
}

static rt_status check_combinations(const struct space *space, struct rt_err *err)
{
    const struct space_limits *l = &space->limits;
    const int64_t inner = (int64_t)space->heads.value[space->heads.count - 1] *
                          space->head_dim.value[space->head_dim.count - 1];

    if (inner > SPACE_MAX_WIDTH)
        return rt_fail(err, RT_EARG,
                       "space.heads: the most heads times the largest head_dim make %" PRId64
                       "; give at most %d",
                       inner, SPACE_MAX_WIDTH);
    if (space->tie == SPACE_TIE_STAGE && (space->stages < 1 || space->stages > SPACE_MAX_DEPTH))
        return rt_fail(err, RT_EARG, "space.stages: %d is out of range; give 1 to %d",
                       space->stages, SPACE_MAX_DEPTH);
    if (l->params < 0 || l->bytes < 0 || l->macs < 0 || l->memory < 0 || l->int8_bytes < 0)
        return rt_fail(err, RT_EARG, "limits: a limit below 0; give 0 for no limit");
    return RT_OK;
}

/* Of the optional genes a text has a vocabulary, and may have an embedding width; states have a
 * history; an image has a patch. */
static bool belongs(const struct space *space, enum space__kind kind)
{
    return space__count(space, kind) > 0 || !space__student[kind].optional;
}

rt_status space_check(struct space *space, struct rt_err *err)
{
    if (space->gene_count)
        return space__genes_check(space, err);
    if (!space->patch.count && !space->vocabulary.count && !space->history.count)
        return rt_fail(err, RT_EARG,
                       "space: nothing says what students read; give patch (of pixels), vocabulary "
                       "(of texts) or history (of states)");
    for (enum space__kind k = 0; k < SPACE__FFN; k++)
        if (belongs(space, k))
            RT_TRY(init_choices(space, k, err));
    if (space->ffn.count && space->ratio_count)
        return rt_fail(err, RT_EARG, "space.ffn: both ffn and ffn_ratio are given; leave one out");
    RT_TRY(space->ffn.count ? init_choices(space, SPACE__FFN, err) : init_ratios(space, err));
    return check_combinations(space, err);
}

rt_status space_init(struct space *space, struct rt_err *err)
{
    RT_TRY(space_check(space, err));
    return space->gene_count ? RT_OK : check_shape(space, err);
}

/* ---- limits ---- */

enum { limit_count = 5 };
static const char *const limit_names[limit_count] = {"params", "bytes", "macs", "memory",
                                                     "int8_bytes"};

static void list_limits(const struct space *space, int64_t limit[limit_count])
{
    limit[0] = space->limits.params;
    limit[1] = space->limits.bytes;
    limit[2] = space->limits.macs;
    limit[3] = space->limits.memory;
    limit[4] = space->limits.int8_bytes;
}

static void list_costs(const struct space *space, const struct space_arch *arch,
                       int64_t value[limit_count])
{
    struct space_cost cost;

    space_cost_of(arch, &space->shape, &cost);
    value[0] = cost.params;
    value[1] = cost.bytes;
    value[2] = cost.macs;
    value[3] = cost.memory;
    value[4] = cost.int8_bytes;
}

bool space_feasible(const struct space *space, const struct space_arch *arch, char why[128])
{
    int64_t limit[limit_count], value[limit_count];

    if (space->gene_count)
        return !space->known || !space->known->feasible || space->known->feasible(space, arch, why);
    list_limits(space, limit);
    list_costs(space, arch, value);
    for (int i = 0; i < limit_count; i++)
        if (limit[i] && value[i] > limit[i]) {
            if (why)
                snprintf(why, 128, "%s %" PRId64 " exceeds the limit %" PRId64 " by %" PRId64,
                         limit_names[i], value[i], limit[i], value[i] - limit[i]);
            return false;
        }
    return true;
}

rt_status space_check_feasible(const struct space *space, struct rt_err *err)
{
    int64_t limit[limit_count], value[limit_count], least[limit_count];
    struct space_arch arch;

    if (space->gene_count)
        return RT_OK;
    list_limits(space, limit);
    for (int i = 0; i < limit_count; i++)
        least[i] = INT64_MAX;
    for (int i = 0; i < space_cheapest_count(space); i++) {
        space_cheapest(space, i, &arch);
        if (space_feasible(space, &arch, NULL))
            return RT_OK;
        list_costs(space, &arch, value);
        for (int l = 0; l < limit_count; l++)
            least[l] = value[l] < least[l] ? value[l] : least[l];
    }
    for (int i = 0; i < limit_count; i++)
        if (limit[i] && least[i] > limit[i])
            return rt_fail(err, RT_EARG,
                           "limits.%s: nothing in the space fits %" PRId64
                           "; the smallest member needs %" PRId64,
                           limit_names[i], limit[i], least[i]);
    return rt_fail(err, RT_EARG,
                   "limits: each limit leaves some patch size, but no patch size keeps them all; "
                   "raise a limit or give more patch sizes");
}

/* ---- membership ---- */

static bool has(const struct space_choices *choices, int value)
{
    for (int i = 0; i < choices->count; i++)
        if (choices->value[i] == value)
            return true;
    return false;
}

bool space_contains(const struct space *space, const struct space_arch *arch)
{
    struct space_ranks ranks;
    struct space_arch same;

    if (space->gene_count)
        return space__genes_contain(space, arch);
    for (enum space__kind k = 0; k < SPACE__LISTS; k++)
        if (space__count(space, k) && !has(space__choices(space, k), space__value(arch, k, 0)))
            return false;
    space__rank(space, arch, &ranks);
    space__unrank(space, &ranks, &same);
    return space_arch_equal(arch, &same);
}

/* ---- anchors ---- */

int space__place(enum space__place place, int count)
{
    assert(count > 0);
    return place == SPACE__FIRST ? 0 : place == SPACE__LAST ? count - 1 : count / 2;
}

/* `place` of the genes with which costs grow, and `reverse` of the others. */
static void anchor(const struct space *space, enum space__place place, enum space__place reverse,
                   struct space_arch *arch)
{
    struct space_ranks ranks = {.groups = 0};

    if (space->gene_count) {
        space__genes_anchor(space, place, arch);
        return;
    }
    for (enum space__kind k = 0; k < SPACE__LISTS; k++)
        if (space__count(space, k))
            ranks.wide[k] =
                space__place(space__student[k].coarsens ? reverse : place, space__count(space, k));
    ranks.groups = space__groups(space, space__depth(space, &ranks));
    for (int g = 0; g < ranks.groups; g++) {
        ranks.heads[g] = space__place(place, space->heads.count);
        ranks.ffn[g] = space__place(place, space__count(space, SPACE__FFN));
    }
    space__unrank(space, &ranks, arch);
}

void space_largest(const struct space *space, struct space_arch *arch)
{
    anchor(space, SPACE__LAST, SPACE__FIRST, arch);
}

void space_smallest(const struct space *space, struct space_arch *arch)
{
    anchor(space, SPACE__FIRST, SPACE__LAST, arch);
}

void space_middle(const struct space *space, struct space_arch *arch)
{
    anchor(space, SPACE__MIDDLE, SPACE__MIDDLE, arch);
}

int space_cheapest_count(const struct space *space)
{
    int count = 1;

    for (enum space__kind k = 0; k < SPACE__LISTS && !space->gene_count; k++)
        if (space__student[k].mixed && space__count(space, k))
            count *= space__count(space, k);
    return count;
}

void space_cheapest(const struct space *space, int number, struct space_arch *arch)
{
    assert(number >= 0 && number < space_cheapest_count(space));
    space_smallest(space, arch);
    for (enum space__kind k = 0; k < SPACE__LISTS && !space->gene_count; k++) {
        const int count = space__count(space, k);
        if (space__student[k].mixed && count > 0) {
            *space__values(arch, k) = space__choices(space, k)->value[number % count];
            number /= count;
        }
    }
}

/* ---- text ---- */

void space_print(const struct space *space, const struct space_arch *arch,
                 char text[SPACE_ARCH_TEXT])
{
    (space->gene_count ? space__genes_print(space, arch, text) : space_arch_print(arch, text));
}

rt_status space_parse(const struct space *space, const char *text, struct space_arch *arch,
                      struct rt_err *err)
{
    return space->gene_count ? space__genes_parse(space, text, arch, err)
                             : space_arch_parse(text, arch, err);
}
