/* trainer/learn/inherit_table.c -- what a student that reads ids inherits of a table: see inherit.h.
 *
 * Where blocks are inherited, the residual stream keeps its channels, and a table of fewer dimensions
 * is turned back into them by the student's projection. Where they are not, the basis is free, and the
 * first components are the best.
 */
#include <assert.h>

#include "trainer/learn/inherit_internal.h"

/* What a row of the table is in the channels that are kept; row (source's d). */
static void give_columns(struct tr_cut *c, float *row)
{
    const struct tr_student *s = c->student;
    const ptrdiff_t d = s->arch.width;

    for (int id = 0; id < s->stem.vocabulary; id++) {
        float *to = c->to + s->plan->table + id * d;
        tr_table_row(c->source, c->from, id, row);
        for (ptrdiff_t i = 0; i < d; i++) {
            if (c->channel[i] >= 0)
                to[i] = row[c->channel[i]];
            c->copied += c->channel[i] >= 0;
        }
    }
}

/* The table's first e components. */
static void give_components(struct tr_cut *c, float *row)
{
    const struct tr_student *s = c->student;
    const struct tr_table_basis *basis = c->options->basis;
    const int e = s->stem.features, given = e < basis->width ? e : basis->width;
    const double scale = tr_table_basis_scale(basis, e);

    for (int id = 0; id < s->stem.vocabulary; id++) {
        tr_table_row(c->source, c->from, id, row);
        tr_table_basis_project(basis, row, true, scale, e,
                               c->to + s->plan->table + (ptrdiff_t)id * e);
        c->copied += (size_t)given;
    }
}

/* What turns components back into the channels that are kept. */
static void give_projection(struct tr_cut *c)
{
    const struct tr_student *s = c->student;
    const struct tr_plan_linear *stem = &s->plan->stem;
    const struct tr_table_basis *basis = c->options->basis;
    const ptrdiff_t d = basis->width, e = s->stem.features;
    const double scale = tr_table_basis_scale(basis, (int)e);

    for (int i = 0; i < s->arch.width; i++) {
        const ptrdiff_t from = c->channel[i];
        if (from < 0)
            continue;
        for (ptrdiff_t j = 0; j < e && j < d; j++)
            c->to[stem->weight + i * e + j] = (float)(basis->vectors[j * d + from] / scale);
        c->to[stem->bias + (size_t)i] = (float)basis->mean[from];
        c->copied += (size_t)(e < d ? e : d) + 1;
    }
}

/* Into a basis of components, through the student's own projection where it has one; x, in (d). */
static void give_positions(struct tr_cut *c, float *in)
{
    const struct tr_student *s = c->student;
    const struct tr_table_basis *basis = c->options->basis;
    const ptrdiff_t d = s->arch.width, e = s->stem.features;
    const double scale = tr_table_basis_scale(basis, (int)e);

    for (ptrdiff_t t = 0; t < s->tokens; t++) {
        float *to = c->to + s->plan->position + t * d;
        const float *from = c->from + c->source->plan->position + t * basis->width;
        tr_table_basis_project(basis, from, false, scale, (int)e, s->stem.projected ? in : to);
        for (ptrdiff_t i = 0; s->stem.projected && i < d; i++) {
            const float *w = c->to + s->plan->stem.weight + i * e;
            to[i] = 0;
            for (ptrdiff_t j = 0; j < e && j < basis->width; j++)
                to[i] += w[j] * in[j];
        }
        c->copied += (size_t)d;
    }
}

void tr__cut_table(struct tr_cut *c, bool blocks)
{
    const struct tr_student *s = c->student;
    const bool alike = s->stem.projected && c->source->stem.projected &&
                       s->stem.features == c->source->stem.features;

    float *row = c->row;

    assert(c->options->basis && c->options->basis->width == c->source->arch.width);
    if (!blocks) {
        give_components(c, row);
        give_positions(c, row + c->source->arch.width);
        return;
    }
    if (alike) {
        tr__cut_slice(c, c->from + c->source->plan->table, s->stem.features, NULL,
                      s->stem.vocabulary, NULL, s->stem.features, s->plan->table);
        tr__cut_linear(c, &c->source->plan->stem, c->channel, NULL, &s->plan->stem);
    } else if (s->stem.projected) {
        give_components(c, row);
        give_projection(c);
    } else {
        give_columns(c, row);
    }
    tr__cut_slice(c, c->from + c->source->plan->position, c->source->arch.width, NULL, s->tokens,
                  c->channel, s->arch.width, s->plan->position);
    if (s->shape.segments && s->shape.segments == c->source->shape.segments)
        tr__cut_slice(c, c->from + c->source->plan->segment, c->source->arch.width, NULL,
                      s->shape.segments, c->channel, s->arch.width, s->plan->segment);
}
