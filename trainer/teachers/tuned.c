/* trainer/teachers/tuned.c -- weights of a teacher from elsewhere that was trained on here: probe: fine.
 *
 * They stand in FOLDER/NAME.safetensors with the hash of the folder, the recipe and the data; of another
 * one they are refused, since they may be all that is left of hours.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trainer/export/safetensors.h"
#include "trainer/teachers/teachers_internal.h"

static rt_status path_of(const struct tr_teaching *teaching, const struct tr_teacher_spec *spec,
                         char path[RT_PATH_MAX], struct rt_err *err)
{
    if (snprintf(path, RT_PATH_MAX, "%s/%s.safetensors", teaching->spec->folder, spec->name) >=
        RT_PATH_MAX)
        return rt_fail(err, RT_EIO, "the path of the teachers' cache is too long");
    return RT_OK;
}

bool tr__tuned_is_there(const struct tr_teaching *teaching, const struct tr_teacher_spec *spec)
{
    char path[RT_PATH_MAX];

    return path_of(teaching, spec, path, NULL) == RT_OK && access(path, F_OK) == 0;
}

rt_status tr__tuned_read(const struct tr_teaching *teaching, const struct tr_teacher_spec *spec,
                         const char *hash, struct tr_network *net, struct rt_err *err)
{
    char path[RT_PATH_MAX], *have = NULL;

    RT_TRY(path_of(teaching, spec, path, err));
    RT_TRY(tr_safetensors_metadata(path, "recipe", &have, err));
    const bool same = have && strcmp(have, hash) == 0;
    free(have);
    if (!same)
        return rt_fail(err, RT_EMISMATCH,
                       "teacher '%s' in '%.200s' was trained on from another folder, by another "
                       "recipe or on other data; remove it, and 'retort teach' trains it anew",
                       spec->name, path);
    return tr_safetensors_read(path, &net->student, net->weights.params, err);
}

rt_status tr__tuned_train(const struct tr_teaching *teaching, const struct tr_teacher_spec *spec,
                          const char *hash, struct tr_network *net, struct rt_err *err)
{
    const struct tr_metadata metadata[] = {{"recipe", hash}, {NULL, NULL}};
    struct tr_teacher_spec as = *spec;
    char path[RT_PATH_MAX];

    assert(teaching->train);
    as.epochs = spec->probe_recipe.epochs;
    as.batch = spec->probe_recipe.batch;
    as.learning_rate = spec->probe_recipe.learning_rate;
    as.warmup = spec->probe_recipe.warmup;
    as.weight_decay = spec->probe_recipe.weight_decay;
    as.seed = spec->probe_recipe.seed;
    RT_TRY(path_of(teaching, spec, path, err));
    RT_TRY(teaching->train(teaching, &as, net, err));
    RT_TRY(tr_safetensors_write(path, &net->student, net->weights.params, metadata, err));
    tr__forget_state(teaching, spec);
    return RT_OK;
}
