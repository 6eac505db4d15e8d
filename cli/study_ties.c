/* cli/study_ties.c -- lists whose layers are tied: as older studies understood it, and what it
 * leaves out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/study_internal.h"

static bool belongs(const char *db, const struct study *study)
{
    char hash[RT_HASH_TEXT];
    struct store *store = NULL;
    struct rt_err err;

    study_hash(study, hash);
    const bool yes = store_open(db, STORE_READ, hash, &store, &err) == RT_OK;
    store_close(store);
    return yes;
}

rt_status study_as_begun(struct study *study, const char *db, struct rt_err *err)
{
    struct study *before;
    struct rt_err why;

    if (access(db, F_OK) || belongs(db, study))
        return RT_OK;
    before = calloc(1, sizeof *before);
    if (!before)
        return rt_fail(err, RT_ENOMEM, "no memory to read '%.200s'", study->path);
    if (study__parse(study->path, study->yaml, strlen(study->yaml), SPACE_TIE_UNIFORM, before,
                     &why) == RT_OK) {
        const bool begun_so = belongs(db, before);
        struct study *other = begun_so ? study : before;
        study_release(other);
        if (begun_so)
            *study = *before;
    }
    free(before);
    return RT_OK;
}

/* ---- what ties leave out ---- */

static bool ties(const struct space *space)
{
    bool any = false;

    if (!space->gene_count)
        return space->tie == SPACE_TIE_UNIFORM || space->tie == SPACE_TIE_STAGE;
    for (int g = 0; g < space->gene_count; g++)
        any = any || (space->gene[g].list && (space->gene[g].tie == SPACE_TIE_UNIFORM ||
                                              space->gene[g].tie == SPACE_TIE_STAGE));
    return any;
}

/* "1.9e12" of a longer number. */
static void shorten(const char *digits, char text[16])
{
    const size_t length = strlen(digits);

    if (length <= 9)
        (void)snprintf(text, 16, "%s", digits);
    else
        (void)snprintf(text, 16, "%c.%ce%hd", digits[0], digits[1], (short)(length - 1));
}

bool study_untied(const struct study *study, char text[16])
{
    struct space space = study->space;
    struct space_gene *genes = NULL;
    struct rt_err err;
    char *size = NULL;

    if (!ties(&space))
        return false;
    space.tie = SPACE_TIE_AUTO;
    if (space.gene_count) {
        genes = malloc((size_t)space.gene_count * sizeof *genes);
        if (!genes)
            return false;
        memcpy(genes, space.gene, (size_t)space.gene_count * sizeof *genes);
        for (int g = 0; g < space.gene_count; g++)
            genes[g].tie = SPACE_TIE_AUTO;
        space.gene = genes;
    }
    if (!space.gene_count || space_init(&space, &err) == RT_OK)
        size = space_size_text(&space);
    if (size)
        shorten(size, text);
    free(genes);
    free(size);
    return size;
}
