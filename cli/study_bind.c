/* cli/study_bind.c -- the part of a study that depends on the data: study_bind_shape().
 *
 * The study's text is read again only when something is wrong, to say where.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "cli/study_internal.h"
#include "space/view.h"

rt_status study__fail_in(const struct study *study, const char *key, const char *text,
                         struct rt_err *err)
{
    struct study_yaml yaml;
    rt_status rc;

    RT_TRY(study__yaml_open(&yaml, study->path, study->yaml, strlen(study->yaml), err));
    rc = study__fail(&yaml, key, err, "%s", text);
    study__yaml_close(&yaml);
    return rc;
}

/* For the space's errors, whose text begins with the key. */
static rt_status fail_with_key(const struct study *study, const struct rt_err *why,
                               struct rt_err *err)
{
    const size_t length = strcspn(why->text, ":");
    char key[STUDY_KEY];

    (void)snprintf(key, sizeof key, "%.*s", (int)length, why->text);
    return study__fail_in(study, key, why->text[length] ? why->text + length + 2 : why->text, err);
}

/* Can every student of the space learn from the layers of the recipe's teacher? What is asked
 * concerns the depth, what one token is, and each layer's heads, so all choices need not be
 * combined: the deepest with each choice of each gene, and heads with head dimensions. */
static rt_status check_layers(const struct study *study, const struct tr_layers *layers,
                              struct rt_err *why)
{
    const struct space *space = &study->space;
    const struct space_arch *teacher = &study->teachers.teacher[layers->teacher].arch;
    int choice[SPACE_MAX_POSITIONS] = {space->depth.count - 1}; /* of the first gene, the depth */
    struct space_arch arch;

    for (int g = 1; g < space_genes(space); g++) {
        struct space_gene_view gene;
        space_gene_of(space, g, &gene);
        for (int c = gene.list ? 0 : gene.choices - 1; c >= 0; c--) { /* ends at the first */
            choice[gene.first] = c;
            space_arch_of(space, choice, &arch);
            RT_TRY(tr_layers_check(layers, &arch, teacher, why));
        }
    }
    for (int i = 0; i < space->heads.count; i++)
        for (int j = 0; j < space->head_dim.count; j++) {
            arch.head_dim = space->head_dim.value[j];
            for (int l = 0; l < arch.depth; l++)
                arch.heads[l] = space->heads.value[i];
            RT_TRY(tr_layers_check(layers, &arch, teacher, why));
        }
    return RT_OK;
}

/* The message begins with a key of the space, or with one below the recipe's block. */
static rt_status bind_layers(const struct study *study, const char *block,
                             const struct tr_layers *layers, struct rt_err *err)
{
    struct rt_err why, full;

    if (!tr_layers_on(layers) || check_layers(study, layers, &why) == RT_OK)
        return RT_OK;
    if (strncmp(why.text, "layers.", 7) != 0)
        return fail_with_key(study, &why, err);
    rt_report(&full, RT_EARG, "%s.%s", block, why.text);
    return fail_with_key(study, &full, err);
}

rt_status study_bind_shape(struct study *study, const struct space_shape *shape, struct rt_err *err)
{
    const bool by_row = shape->pool == SPACE_POOL_NONE;
    const enum space_pool pool = by_row ? shape->pool : study->space.shape.pool;
    const bool post_norm = study->space.shape.variant.post_norm;
    const int teachers = study->teachers.count, classes = shape->classes;
    struct rt_err why;

    assert(!study->own); /* whose space is complete */
    study->space.shape = *shape;
    study->space.shape.pool = pool;
    if (post_norm) /* as BERT has them */
        study->space.shape.variant.post_norm = study->space.shape.variant.stem_norm =
            study->space.shape.variant.no_final_norm = true;
    if (space_init(&study->space, &why) || space_check_feasible(&study->space, &why))
        return fail_with_key(study, &why, err);
    RT_TRY(study__bind_teachers(study, err));
    if (tr_distill_check(&study->recipe.distill, &study->ensemble, teachers, classes, true, &why))
        return study__fail_in(study, "distill", why.text, err);
    if (tr_distill_check(&study->full.distill, &study->ensemble, teachers, classes, true, &why))
        return study__fail_in(study, "full", why.text, err);
    RT_TRY(bind_layers(study, "distill", &study->recipe.layers, err));
    return bind_layers(study, "full", &study->full.layers, err);
}

struct tr_recipe study_full_recipe(const struct study *study, int train_rows)
{
    struct tr_recipe recipe = study->full;

    if (study->full_epochs > 0) {
        const double steps = study->full_epochs * train_rows / recipe.batch + .5;
        recipe.steps = steps < 1 ? 1 : steps > 1e9 ? 1000000000 : (int)steps;
    }
    return recipe;
}
