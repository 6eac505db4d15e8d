/* space/arch.c -- see arch.h.
 *
 * Texts are written and read by one list of genes, so that neither knows a gene by name. A text
 * says nothing of the task: whether a patch must be there is known where the shape is.
 */
#include "space/arch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "space/space_internal.h"
#include "space/stem.h"

/* Of a text; optional ones last, so that all texts begin alike. */
static const enum space__kind written[SPACE__KINDS] = {
    SPACE__DEPTH, SPACE__WIDTH,     SPACE__HEAD_DIM,   SPACE__HEADS,  SPACE__FFN,
    SPACE__PATCH, SPACE__EMBEDDING, SPACE__VOCABULARY, SPACE__HISTORY};

/* A positive number at *at, moving past it; 0 when there is none, it is too large for any gene, or it
 * has a leading zero: that would be a second text of the same architecture. */
static int read_number(const char **at)
{
    int value = 0;

    if (**at == '0')
        return 0;
    while (**at >= '0' && **at <= '9') {
        value = value * 10 + (**at - '0');
        if (value > SPACE_MAX_VOCABULARY)
            return 0;
        ++*at;
    }
    return value;
}

static bool read_list(const char **at, int depth, int *out)
{
    int count = 0;

    for (;;) {
        const int value = read_number(at);
        if (!value || count == depth)
            return false;
        out[count++] = value;
        if (**at != '.')
            break;
        ++*at;
    }
    if (count == 1)
        while (count < depth)
            out[count++] = out[0];
    return count == depth;
}

static bool parse(const char *at, struct space_arch *arch)
{
    for (int i = 0; i < SPACE__KINDS; i++) {
        const struct space__student_gene *gene = &space__student[written[i]];
        int *value = space__values(arch, written[i]);
        const char *here = i ? at + 1 : at;
        if ((i && *at != '-') || *here != gene->letter) {
            if (gene->optional)
                continue;
            return false;
        }
        at = here + 1;
        if (written[i] >= SPACE__LISTS ? !read_list(&at, arch->depth, value)
                                       : (*value = read_number(&at)) == 0)
            return false;
        if (arch->depth > SPACE_MAX_DEPTH) /* before lists of so many are read */
            return false;
    }
    return *at == '\0';
}

/* Ranges that need no shape; names the gene that breaks one. */
static const char *range_fault(const struct space_arch *arch)
{
    for (enum space__kind k = 0; k < SPACE__KINDS; k++) {
        const struct space__student_gene *gene = &space__student[k];
        for (int l = 0; l < (k < SPACE__LISTS ? 1 : arch->depth); l++) {
            const int value = space__value(arch, k, l);
            if (value > gene->most || value < (gene->optional ? 0 : 1))
                return gene->name;
        }
    }
    for (int l = 0; l < arch->depth; l++)
        if ((int64_t)arch->heads[l] * arch->head_dim > SPACE_MAX_WIDTH)
            return "heads";
    return NULL;
}

rt_status space_arch_parse(const char *text, struct space_arch *arch, struct rt_err *err)
{
    struct space_arch got = {0};

    if (!parse(text, &got))
        return rt_fail(
            err, RT_EFORMAT,
            "'%.80s' is not an architecture; write it like "
            "L4-d96-k16-h4.4.2.2-f192.192.96.96-p7, lists with one member a layer or one "
            "for all",
            text);
    const char *gene = range_fault(&got);
    if (gene)
        return rt_fail(err, RT_EFORMAT, "the %s of architecture '%.80s' is out of range", gene,
                       text);
    *arch = got;
    return RT_OK;
}

/* A list whose members are all equal is written once, as a study-wide gene is. */
static int print_values(const struct space_arch *arch, enum space__kind kind, char *out,
                        size_t room)
{
    const int depth = kind < SPACE__LISTS ? 1 : arch->depth;
    bool same = true;
    int used = 0;

    for (int l = 1; l < depth; l++)
        same = same && space__value(arch, kind, l) == space__value(arch, kind, 0);
    for (int l = 0; l < (same ? 1 : depth); l++)
        used += snprintf(out + used, room - used, l ? ".%d" : "%d", space__value(arch, kind, l));
    return used;
}

void space_arch_print(const struct space_arch *arch, char text[SPACE_ARCH_TEXT])
{
    const size_t room = SPACE_ARCH_TEXT;
    int used = 0;

    assert(arch->depth >= 1 && arch->depth <= SPACE_MAX_DEPTH);
    for (int i = 0; i < SPACE__KINDS; i++) {
        const struct space__student_gene *gene = &space__student[written[i]];
        if (gene->optional && space__value(arch, written[i], 0) == 0)
            continue;
        used += snprintf(text + used, room - used, "%s%c", i ? "-" : "", gene->letter);
        used += print_values(arch, written[i], text + used, room - used);
    }
    assert((size_t)used < room);
}

/* A text has a vocabulary, and may have an embedding; states have a history; an image has a patch.
 * Names the gene that is missing, or of another one's. */
static const char *reading_fault(const struct space_arch *arch, const struct space_shape *shape)
{
    const bool text = shape->length > 0, states = shape->features > 0, image = !text && !states;

    if (image != (arch->patch > 0))
        return "patch";
    if (text != (arch->vocabulary > 0))
        return "vocabulary";
    if (states != (arch->history > 0))
        return "history";
    return !text && arch->embedding ? "embedding" : NULL;
}

rt_status space_arch_check(const struct space_arch *arch, const struct space_shape *shape,
                           struct rt_err *err)
{
    const char *gene = range_fault(arch);

    if (!gene)
        gene = reading_fault(arch, shape);
    if (gene)
        return rt_fail(err, RT_ESHAPE, "the %s of this architecture is out of range", gene);
    if (shape->variant.head == SPACE_HEAD_TIED && !shape->length)
        return rt_fail(err, RT_ESHAPE, "a head tied to a table needs one, which texts have");
    if (shape->length || shape->features)
        return RT_OK;
    if (shape->height % arch->patch || shape->width % arch->patch)
        return rt_fail(err, RT_ESHAPE, "patch %d does not divide images of %dx%d pixels",
                       arch->patch, shape->height, shape->width);
    return RT_OK;
}

_Static_assert(sizeof(struct space_arch) == sizeof((struct space_arch){0}.choice),
               "both kinds fill the union");
_Static_assert(sizeof(struct space_arch) >= SPACE_MAX_POSITIONS, "a place for each own gene");

bool space_arch_equal(const struct space_arch *a, const struct space_arch *b)
{
    return memcmp(a, b, sizeof *a) == 0; /* no padding */
}

int space_tokens(const struct space_arch *arch, const struct space_shape *shape)
{
    struct space_stem stem;

    space_stem_of(arch, shape, &stem);
    return stem.class_rows + stem.tokens;
}
