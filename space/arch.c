/* space/arch.c -- see arch.h. */
#include "space/arch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "space/stem.h"

/* A positive number at *at, moving past it; 0 when there is none, it is too large, or it has a
 * leading zero: that would be a second text of the same architecture. */
static int read_number(const char **at)
{
    int value = 0;

    if (**at == '0')
        return 0;
    while (**at >= '0' && **at <= '9') {
        value = value * 10 + (**at - '0');
        if (value > 4 * SPACE_MAX_WIDTH)
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

static bool read_gene(const char **at, char letter, int *value)
{
    if (**at != letter)
        return false;
    ++*at;
    return (*value = read_number(at)) > 0;
}

static bool parse(const char *at, struct space_arch *arch)
{
    if (!read_gene(&at, 'L', &arch->depth) || arch->depth > SPACE_MAX_DEPTH || *at++ != '-' ||
        !read_gene(&at, 'd', &arch->width) || *at++ != '-' ||
        !read_gene(&at, 'k', &arch->head_dim) || *at++ != '-' || *at++ != 'h' ||
        !read_list(&at, arch->depth, arch->heads) || *at++ != '-' || *at++ != 'f' ||
        !read_list(&at, arch->depth, arch->ffn) || *at++ != '-' ||
        !read_gene(&at, 'p', &arch->patch))
        return false;
    return *at == '\0';
}

/* Ranges that need no shape; names the gene that breaks one. */
static const char *range_fault(const struct space_arch *arch)
{
    if (arch->depth < 1 || arch->depth > SPACE_MAX_DEPTH)
        return "depth";
    if (arch->width < 1 || arch->width > SPACE_MAX_WIDTH)
        return "width";
    if (arch->head_dim < 1 || arch->head_dim > SPACE_MAX_WIDTH)
        return "head_dim";
    if (arch->patch < 1 || arch->patch > SPACE_MAX_WIDTH)
        return "patch";
    for (int l = 0; l < arch->depth; l++) {
        if (arch->heads[l] < 1 || (int64_t)arch->heads[l] * arch->head_dim > SPACE_MAX_WIDTH)
            return "heads";
        if (arch->ffn[l] < 1 || arch->ffn[l] > 4 * SPACE_MAX_WIDTH)
            return "ffn";
    }
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

static int print_list(const int *list, int depth, char *out, size_t room)
{
    bool same = true;
    int used = 0;

    for (int l = 1; l < depth; l++)
        same = same && list[l] == list[0];
    for (int l = 0; l < (same ? 1 : depth); l++)
        used += snprintf(out + used, room - used, l ? ".%d" : "%d", list[l]);
    return used;
}

void space_arch_print(const struct space_arch *arch, char text[SPACE_ARCH_TEXT])
{
    const size_t room = SPACE_ARCH_TEXT;
    int used = snprintf(text, room, "L%d-d%d-k%d-h", arch->depth, arch->width, arch->head_dim);

    used += print_list(arch->heads, arch->depth, text + used, room - used);
    used += snprintf(text + used, room - used, "-f");
    used += print_list(arch->ffn, arch->depth, text + used, room - used);
    snprintf(text + used, room - used, "-p%d", arch->patch);
}

rt_status space_arch_check(const struct space_arch *arch, const struct space_shape *shape,
                           struct rt_err *err)
{
    const char *gene = range_fault(arch);

    if (gene)
        return rt_fail(err, RT_ESHAPE, "the %s of this architecture is out of range", gene);
    if (shape->height % arch->patch || shape->width % arch->patch)
        return rt_fail(err, RT_ESHAPE, "patch %d does not divide images of %dx%d pixels",
                       arch->patch, shape->height, shape->width);
    return RT_OK;
}

_Static_assert(sizeof(struct space_arch) == SPACE_MAX_POSITIONS, "both kinds fill the union");

bool space_arch_equal(const struct space_arch *a, const struct space_arch *b)
{
    return memcmp(a, b, sizeof *a) == 0; /* no padding */
}

int space_tokens(const struct space_arch *arch, const struct space_shape *shape)
{
    struct space_stem stem;

    space_stem_of(arch, shape, &stem);
    return stem.tokens + (shape->pool == SPACE_POOL_CLASS);
}
