/* reports/gene_importance.c -- gene_importance.h.
 *
 * Genes are read from what was tried, not from the study's space: a choice that no trial made
 * cannot be judged. FFN widths stand for ratios of the width where that gives fewer choices.
 */
#include "reports/gene_importance.h"

#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "reports/compare.h"
#include "reports/sample.h"
#include "search/pareto.h"

enum { FEWEST_TRIALS = 10 };
#define MOST_TRIALS 10000 /* and candidates */

/* Do ratios of the width give fewer choices than widths do? 0: no, 1: yes, null: there are none. */
static const char ratios[] =
    "with f as (select l.value as ffn, printf('%.1f', 1.0 * l.value / w.value) as ratio"
    "  from choices l join choices w on w.candidate = l.candidate and w.name = 'width'"
    "   and w.candidate <= ?1 where l.name = 'ffn' and l.candidate <= ?1)"
    " select iif(count(*) > 0, count(distinct ratio) < count(distinct ffn), null) from f";

/* The choices of candidate ?1; ?2 is what the question above came to. */
static const char genes[] =
    "select iif(?2 and name = 'ffn', 'ffn/width', name), position,"
    " iif(?2 and name = 'ffn', printf('%.1f', 1.0 * value / (select value from choices"
    "  where candidate = ?1 and name = 'width')), value) from choices where candidate = ?1"
    " and value is not null";

static rt_status no_memory(struct rt_err *err)
{
    return rt_fail(err, RT_ENOMEM, "no memory for the importance of genes");
}

/* ---- the best tenth ---- */

/* What a candidate of the cut rank adds to the volume of those taken from it. */
struct volumes {
    const double *points; /* of the trials with results */
    int m;
    double *taken; /* rows */
    size_t count;
    double volume, ideal[STORE_MAX_OBJECTIVES], reference[STORE_MAX_OBJECTIVES];
};

static rt_status gain_of(struct volumes *v, size_t point, double *gain, struct rt_err *err)
{
    double with;

    memcpy(v->taken + v->count * (size_t)v->m, v->points + point * (size_t)v->m,
           (size_t)v->m * sizeof *v->taken);
    RT_TRY(search_hypervolume(v->taken, v->count + 1, v->m, v->ideal, v->reference, &with, err));
    *gain = with - v->volume;
    return RT_OK;
}

/* The next of the members by what it adds; gains only shrink as more are taken, so one that still
 * leads after being computed anew is the largest. */
static rt_status take_next(struct volumes *v, const size_t *member, double *gain, size_t count,
                           size_t *taken, struct rt_err *err)
{
    for (;;) {
        size_t best = 0, second = count;
        for (size_t i = 1; i < count; i++)
            if (gain[i] > gain[best])
                best = i;
        RT_TRY(gain_of(v, member[best], &gain[best], err));
        for (size_t i = 0; i < count; i++)
            if (i != best && (second == count || gain[i] > gain[second]))
                second = i;
        if (second < count && gain[second] > gain[best])
            continue;
        v->volume += gain[best]; /* and its row is the last of `taken` */
        v->count++;
        gain[best] = -1;
        *taken = member[best];
        return RT_OK;
    }
}

/* Of the rank that does not fit whole, `wanted` members. */
static rt_status cut_rank(struct volumes *v, const size_t *member, size_t count, size_t wanted,
                          bool *is_top, struct rt_err *err)
{
    double *gain = calloc(count + 1, sizeof *gain);
    rt_status rc = RT_OK;

    if (!gain)
        return no_memory(err);
    for (size_t i = 0; i < count; i++)
        gain[i] = INFINITY;
    for (; wanted > 0 && rc == RT_OK; wanted--) {
        size_t taken = 0;
        rc = take_next(v, member, gain, count, &taken, err);
        is_top[taken] = true;
    }
    free(gain);
    return rc;
}

static rt_status choose_top(struct volumes *v, size_t n, size_t wanted, bool *is_top,
                            struct rt_err *err)
{
    int *rank = calloc(n, sizeof *rank);
    size_t *member = calloc(n, sizeof *member), count = 0;
    rt_status rc;

    v->taken = calloc((n + 1) * (size_t)v->m, sizeof *v->taken);
    rc = rank && member && v->taken ? search_ranks(v->points, n, v->m, rank, err) : no_memory(err);
    for (int r = 0; rc == RT_OK && wanted > 0; r++) {
        count = 0;
        for (size_t i = 0; i < n; i++)
            if (rank[i] == r)
                member[count++] = i;
        if (count > wanted) {
            rc = cut_rank(v, member, count, wanted, is_top, err);
            break;
        }
        for (size_t i = 0; i < count; i++)
            is_top[member[i]] = true;
        wanted -= count;
    }
    free(rank);
    free(member);
    free(v->taken);
    return rc;
}

/* ---- what was chosen ---- */

static struct report__gene *gene_called(struct report__importance *all, const char *name)
{
    if (all->count && strcmp(all->gene[all->count - 1].name, name) == 0) /* rows are in order */
        return &all->gene[all->count - 1];
    if (all->count == all->room) {
        const int room = all->room ? 2 * all->room : 8;
        void *more = realloc(all->gene, (size_t)room * sizeof *all->gene);
        if (!more)
            return NULL;
        all->gene = more;
        all->room = room;
    }
    struct report__gene *gene = &all->gene[all->count++];
    *gene = (struct report__gene){0};
    (void)snprintf(gene->name, sizeof gene->name, "%s", name);
    rt_text_plain(gene->name);
    return gene;
}

/* -1: no memory. */
static int choice_called(struct report__gene *gene, const char *value)
{
    for (int c = 0; c < gene->choices; c++)
        if (strncmp(gene->choice[c], value, STORE_NAME - 1) == 0)
            return c;
    if (gene->choices == gene->choice_room) {
        const int room = gene->choice_room ? 2 * gene->choice_room : 8;
        void *more = realloc(gene->choice, (size_t)room * sizeof *gene->choice);
        if (!more)
            return -1;
        gene->choice = more;
        gene->choice_room = room;
    }
    (void)snprintf(gene->choice[gene->choices], STORE_NAME, "%s", value);
    rt_text_plain(gene->choice[gene->choices]);
    return gene->choices++;
}

static bool make_position(struct report__gene *gene, int place, size_t trials)
{
    while (gene->positions <= place) {
        if (gene->positions == gene->position_room) {
            const int room = gene->position_room ? 2 * gene->position_room : 1;
            void *more = realloc(gene->position, (size_t)room * sizeof *gene->position);
            if (!more)
                return false;
            gene->position = more;
            gene->position_room = room;
        }
        struct report__position *p = &gene->position[gene->positions];
        *p = (struct report__position){.choice = malloc((trials + 1) * sizeof *p->choice)};
        if (!p->choice)
            return false;
        for (size_t i = 0; i < trials; i++)
            p->choice[i] = -1;
        gene->positions++;
    }
    return true;
}

struct cell {
    char name[STORE_NAME], value[STORE_NAME];
    int place, row;
};

struct cells {
    struct cell *list;
    size_t count, room;
};

static int by_gene(const void *a, const void *b)
{
    const struct cell *p = a, *q = b;
    const int name = strcmp(p->name, q->name);

    return name                   ? name
           : p->place != q->place ? (p->place > q->place) - (p->place < q->place)
                                  : (p->row > q->row) - (p->row < q->row);
}

/* The choices of one candidate, which is that of a row. */
static rt_status add_cells(struct store *store, sqlite3_stmt *q, struct cells *cells, int row,
                           struct rt_err *err)
{
    while (report__next(q)) {
        const int place = sqlite3_column_int(q, 1);
        if (place < 0 || place >= SPACE_MAX_POSITIONS)
            continue;
        if (cells->count == cells->room) {
            const size_t room = cells->room ? 2 * cells->room : 256;
            void *more = realloc(cells->list, room * sizeof *cells->list);
            if (!more)
                return no_memory(err);
            cells->list = more;
            cells->room = room;
        }
        struct cell *cell = &cells->list[cells->count++];
        *cell = (struct cell){.place = place, .row = row};
        (void)snprintf(cell->name, sizeof cell->name, "%s", report__column(q, 0));
        (void)snprintf(cell->value, sizeof cell->value, "%s", report__column(q, 2));
    }
    return sqlite3_reset(q) ? rt_fail(err, RT_EDB, "cannot read '%s': %s", store_path(store),
                                      sqlite3_errmsg(store_handle(store)))
                            : RT_OK;
}

static rt_status load_cells(struct store *store, const int64_t *trial, size_t count,
                            struct cells *cells, struct rt_err *err)
{
    sqlite3_stmt *of_trial = NULL, *q = NULL;
    double use_ratios;
    rt_status rc, ended;

    RT_TRY(report__ask(store, ratios, &q, err));
    (void)sqlite3_bind_int(q, 1, MOST_TRIALS);
    use_ratios = report__next(q) ? report__number(q, 0) : NAN;
    RT_TRY(report__end(store, q, err));
    RT_TRY(report__ask(store, "select candidate from trial where number = ?1", &of_trial, err));
    rc = report__ask(store, genes, &q, err);
    if (rc == RT_OK)
        (void)sqlite3_bind_int(q, 2, use_ratios > 0);
    for (size_t i = 0; i < count && rc == RT_OK; i++) {
        (void)sqlite3_bind_int64(of_trial, 1, trial[i]);
        if (report__next(of_trial)) {
            (void)sqlite3_bind_int64(q, 1, sqlite3_column_int64(of_trial, 0));
            rc = add_cells(store, q, cells, (int)i, err);
        }
        (void)sqlite3_reset(of_trial);
    }
    (void)sqlite3_finalize(q);
    if ((ended = report__end(store, of_trial, rc ? NULL : err)) && rc == RT_OK)
        rc = ended;
    return rc;
}

/* Of the rows, which are trials with results. */
static rt_status load_genes(struct store *store, struct report__importance *all,
                            const int64_t *trial, struct rt_err *err)
{
    struct cells cells = {NULL, 0, 0};
    rt_status rc = load_cells(store, trial, all->trials, &cells, err);

    if (rc == RT_OK && cells.count)
        qsort(cells.list, cells.count, sizeof *cells.list, by_gene);
    for (size_t i = 0; i < cells.count && rc == RT_OK; i++) {
        const struct cell *cell = &cells.list[i];
        struct report__gene *gene = gene_called(all, cell->name);
        const int choice = gene ? choice_called(gene, cell->value) : -1;
        if (choice < 0 || !make_position(gene, cell->place, all->trials))
            rc = no_memory(err);
        else
            gene->position[cell->place].choice[cell->row] = choice;
    }
    free(cells.list);
    return rc;
}

/* ---- judging ---- */

static void judge_counts(const struct report__importance *all, const struct report__gene *gene,
                         struct report__position *p, const double *of_all, const double *of_top)
{
    double a = 0, t = 0, divergence = 0, most = 0;
    int seen = 0;

    for (int c = 0; c < gene->choices; c++) {
        a += of_all[c];
        t += of_top[c];
        seen += of_all[c] > 0;
    }
    p->favoured = -1;
    p->importance = 0;
    if (t < 1 || seen < 2)
        return;
    for (int c = 0; c < gene->choices; c++) {
        const double every = of_all[c] / a, top = of_top[c] / t;
        if (every > 0)
            divergence += (top - every) * (top - every) / every;
        if (top - every > most) {
            most = top - every;
            p->favoured = c;
            p->of_all = every;
            p->of_top = top;
        }
    }
    const double share_top = t / (double)all->top, share_all = a / (double)all->trials;
    p->importance =
        (divergence - (seen - 1) / t * (a - t) / (a - 1)) * share_top * share_top / share_all;
}

static rt_status judge_position(const struct report__importance *all, struct report__gene *gene,
                                struct report__position *p, struct rt_err *err)
{
    double *of_all = calloc(2 * (size_t)gene->choices, sizeof *of_all);

    if (!of_all)
        return no_memory(err);
    for (size_t i = 0; i < all->trials; i++)
        if (p->choice[i] >= 0) {
            of_all[p->choice[i]]++;
            of_all[gene->choices + p->choice[i]] += all->is_top[i];
        }
    judge_counts(all, gene, p, of_all, of_all + gene->choices);
    free(of_all);
    return RT_OK;
}

/* How far two positions go together, 0..1: the share of equal choices beyond that of positions
 * which know nothing of each other. */
static double together(const struct report__importance *all, const struct report__gene *gene,
                       const struct report__position *a, const struct report__position *b)
{
    double both = 0, equal = 0, chance = 0;

    for (size_t i = 0; i < all->trials; i++)
        if (a->choice[i] >= 0 && b->choice[i] >= 0) {
            both++;
            equal += a->choice[i] == b->choice[i];
        }
    if (both < 1)
        return 0;
    for (int c = 0; c < gene->choices; c++) {
        double in_a = 0, in_b = 0;
        for (size_t i = 0; i < all->trials; i++)
            if (a->choice[i] >= 0 && b->choice[i] >= 0) {
                in_a += a->choice[i] == c;
                in_b += b->choice[i] == c;
            }
        chance += in_a / both * in_b / both;
    }
    return chance < 1 ? fmax(0, (equal / both - chance) / (1 - chance)) : 0;
}

static rt_status judge_gene(const struct report__importance *all, struct report__gene *gene,
                            struct rt_err *err)
{
    double sum = 0;

    for (int p = 0; p < gene->positions; p++) {
        RT_TRY(judge_position(all, gene, &gene->position[p], err));
        if (gene->position[p].importance > gene->position[gene->main].importance)
            gene->main = p;
    }
    for (int p = 0; p < gene->positions; p++) {
        double with = 1;
        for (int o = 0; o < gene->positions; o++)
            if (o != p)
                with += together(all, gene, &gene->position[p], &gene->position[o]);
        sum += gene->position[p].importance / with;
    }
    gene->importance = fmax(0, sum);
    return RT_OK;
}

static int more_important(const void *a, const void *b)
{
    const struct report__gene *x = a, *y = b;

    if (x->importance != y->importance)
        return x->importance > y->importance ? -1 : 1;
    return strcmp(x->name, y->name);
}

static void release_gene(struct report__gene *gene)
{
    for (int p = 0; p < gene->positions; p++)
        free(gene->position[p].choice);
    free(gene->position);
    free(gene->choice);
}

static rt_status judge(struct report__importance *all, struct rt_err *err)
{
    double sum = 0;
    int kept = 0;

    for (int g = 0; g < all->count; g++)
        RT_TRY(judge_gene(all, &all->gene[g], err));
    for (int g = 0; g < all->count; g++) { /* what has one choice cannot matter */
        if (all->gene[g].choices > 1) {
            sum += all->gene[g].importance;
            all->gene[kept++] = all->gene[g];
        } else {
            release_gene(&all->gene[g]);
        }
    }
    all->count = kept;
    for (int g = 0; g < kept; g++)
        all->gene[g].share = sum > 0 ? all->gene[g].importance / sum : 0;
    if (kept > 1)
        qsort(all->gene, (size_t)kept, sizeof *all->gene, more_important);
    return RT_OK;
}

/* ---- the whole ---- */

/* The rows with results, in place, and their trials. What breaks constraints is infinite and stays,
 * behind all others. */
static size_t gather(struct report__cloud *cloud, struct report__sample *sample)
{
    const size_t m = (size_t)cloud->m;
    size_t rows = 0;

    for (size_t n = 0; n < sample->count; n++) {
        bool whole = true;
        for (size_t k = 0; k < m; k++)
            whole &= !isnan(cloud->points[n * m + k]);
        if (!whole)
            continue;
        memmove(cloud->points + rows * m, cloud->points + n * m, m * sizeof *cloud->points);
        sample->trial[rows++] = sample->trial[n];
    }
    return rows;
}

static rt_status load_top(struct report__importance *all, const struct report__cloud *cloud,
                          struct rt_err *err)
{
    struct volumes v = {.points = cloud->points, .m = cloud->m};

    memcpy(v.ideal, cloud->ideal, sizeof v.ideal);
    memcpy(v.reference, cloud->reference, sizeof v.reference);
    all->top = (all->trials + 9) / 10;
    all->is_top = calloc(all->trials + 1, sizeof *all->is_top);
    if (!all->is_top)
        return no_memory(err);
    return choose_top(&v, all->trials, all->top, all->is_top, err);
}

rt_status report__importance_load(struct store *store, struct report__importance *importance,
                                  struct rt_err *err)
{
    struct report__sample sample;
    struct report__cloud cloud;
    rt_status rc;

    *importance = (struct report__importance){0};
    RT_TRY(report__sample_load(store, "select max(rung) from trial where state = 'committed'",
                               MOST_TRIALS, &sample, err));
    importance->every = sample.every;
    rc = report__cloud_load(store, sample.trial, sample.count, &cloud, err);
    if (rc == RT_OK)
        importance->trials = gather(&cloud, &sample);
    if (rc == RT_OK && importance->trials < FEWEST_TRIALS)
        rc = rt_fail(err, RT_EEND,
                     "'%s' has %zu trials with results: importance needs %d, better %d",
                     store_path(store), importance->trials, FEWEST_TRIALS, 10 * REPORT__FEW_TOP);
    if (rc == RT_OK)
        rc = load_top(importance, &cloud, err);
    if (rc == RT_OK)
        rc = load_genes(store, importance, sample.trial, err);
    if (rc == RT_OK)
        rc = judge(importance, err);
    free(cloud.points);
    report__sample_release(&sample);
    if (rc != RT_OK)
        report__importance_release(importance);
    return rc;
}

void report__importance_release(struct report__importance *importance)
{
    for (int g = 0; g < importance->count; g++)
        release_gene(&importance->gene[g]);
    free(importance->gene);
    free(importance->is_top);
    *importance = (struct report__importance){0};
}

const char *report__favoured_text(const struct report__gene *gene, char text[128])
{
    const struct report__position *p = &gene->position[gene->main];
    char layer[32] = "";

    if (p->favoured < 0) {
        (void)snprintf(text, 128, "-");
        return text;
    }
    if (gene->positions > 1)
        (void)snprintf(layer, sizeof layer, " in layer %d", gene->main);
    (void)snprintf(text, 128, "%s%s: %.0f %% of the best, %.0f %% of all",
                   gene->choice[p->favoured], layer, 100 * p->of_top, 100 * p->of_all);
    return text;
}
