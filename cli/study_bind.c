/* cli/study_bind.c -- the part of a study that depends on the data: study_bind_shape().
 *
 * The study's text is read again only when something is wrong, to say where.
 */
#include <stdio.h>
#include <string.h>

#include "cli/study_internal.h"

static rt_status fail_in(const struct study *study, const char *key, const char *text,
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
    return fail_in(study, key, why->text[length] ? why->text + length + 2 : why->text, err);
}

rt_status study_bind_shape(struct study *study, const struct space_shape *shape, struct rt_err *err)
{
    const enum space_pool pool = study->space.shape.pool;
    const int teachers = study->teachers.count, classes = shape->classes;
    struct rt_err why;

    study->space.shape = *shape;
    study->space.shape.pool = pool;
    if (space_init(&study->space, &why) || space_check_feasible(&study->space, &why))
        return fail_with_key(study, &why, err);
    for (int k = 0; k < teachers; k++) {
        const struct tr_teacher_spec *teacher = &study->teachers.teacher[k];
        char key[STUDY_KEY];
        (void)snprintf(key, sizeof key, "teachers.members[%d].train.arch", k);
        if (!teacher->recorded && space_arch_check(&teacher->arch, &study->space.shape, &why))
            return fail_in(study, key, why.text, err);
    }
    if (tr_distill_check(&study->recipe.distill, teachers, classes, true, &why))
        return fail_in(study, "distill", why.text, err);
    if (tr_distill_check(&study->full.distill, teachers, classes, true, &why))
        return fail_in(study, "full", why.text, err);
    return RT_OK;
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
