/* space/genes_text.c -- the text of an architecture of own genes: "name=choice,name=a.b.b". */
#include <stdio.h>
#include <string.h>

#include "space/space_internal.h"

static size_t print_gene(const struct space *space, const struct space_arch *arch, int g, char *out,
                         size_t room)
{
    const struct space_gene *gene = &space->gene[g];
    const int active = space__genes_active(gene, space, arch->choice);
    int layers = space__genes_layers(gene, space, arch->choice);
    bool same = true;
    size_t used = (size_t)snprintf(out, room, "%s%s=", g ? "," : "", gene->name);

    for (int i = 1; i < active; i++)
        same = same && arch->choice[gene->first + i] == arch->choice[gene->first];
    layers = same ? 1 : layers;
    for (int l = 0; l < layers; l++)
        used += (size_t)snprintf(out + used, room - used, "%s%s", l ? "." : "",
                                 space__genes_value(space, arch, g, l));
    return used;
}

void space__genes_print(const struct space *space, const struct space_arch *arch,
                        char text[SPACE_ARCH_TEXT])
{
    size_t used = 0;

    for (int g = 0; g < space->gene_count; g++) /* the room was checked by space_init() */
        used += print_gene(space, arch, g, text + used, SPACE_ARCH_TEXT - used);
}

/* The choice that is written at *at up to "." or "," or the end, moving past it; -1 for none. */
static int read_choice(const struct space_gene *gene, const char **at)
{
    const size_t length = strcspn(*at, gene->list ? ".," : ",");

    for (int c = 0; c < gene->choice_count; c++)
        if (strlen(gene->choice[c]) == length && memcmp(gene->choice[c], *at, length) == 0) {
            *at += length;
            return c;
        }
    return -1;
}

/* One member a layer, or one for all; members of one group must be equal. */
static rt_status read_values(const struct space *space, const struct space_gene *gene,
                             const char **at, struct space_arch *arch, struct rt_err *err)
{
    const int layers = space__genes_layers(gene, space, arch->choice);
    const int groups = gene->list ? space__genes_groups(gene, layers) : 1;
    int count = 0;

    for (;; ++*at) {
        const int choice = read_choice(gene, at);
        if (choice < 0)
            return rt_fail(err, RT_EFORMAT, "gene '%s' has no choice '%.*s'", gene->name,
                           (int)strcspn(*at, ".,"), *at);
        if (count == layers)
            return rt_fail(err, RT_EFORMAT, "gene '%s' has more than %d members", gene->name,
                           layers);
        int8_t *held = &arch->choice[gene->first + count * groups / layers];
        if (*held >= 0 && *held != choice)
            return rt_fail(err, RT_EFORMAT, "member %d of gene '%s' is tied to the one before it",
                           count, gene->name);
        *held = (int8_t)choice;
        count++;
        if (!gene->list || **at != '.')
            break;
    }
    if (count != 1 && count != layers)
        return rt_fail(err, RT_EFORMAT, "gene '%s' has %d members; give 1 or %d", gene->name, count,
                       layers);
    return RT_OK;
}

static rt_status read_gene(const struct space *space, int g, const char **at,
                           struct space_arch *arch, struct rt_err *err)
{
    const struct space_gene *gene = &space->gene[g];
    const size_t length = strlen(gene->name);

    if (g > 0 && *(*at)++ != ',')
        return rt_fail(err, RT_EFORMAT, "gene '%s' is missing", gene->name);
    if (strncmp(*at, gene->name, length) != 0 || (*at)[length] != '=')
        return rt_fail(err, RT_EFORMAT, "expected '%s=' at '%.40s'", gene->name, *at);
    *at += length + 1;
    return read_values(space, gene, at, arch, err);
}

rt_status space__genes_parse(const struct space *space, const char *text, struct space_arch *arch,
                             struct rt_err *err)
{
    struct space_arch got = {.depth = 0};
    const char *at = text;
    struct rt_err why;
    rt_status rc = RT_OK;

    for (int i = 0; i < space->gene_count; i++)
        memset(got.choice + space->gene[i].first, -1, (size_t)space->gene[i].positions);
    for (int g = 0; g < space->gene_count && rc == RT_OK; g++)
        rc = read_gene(space, g, &at, &got, &why);
    if (rc == RT_OK && *at)
        rc = rt_fail(&why, RT_EFORMAT, "'%.40s' is left over", at);
    if (rc != RT_OK)
        return rt_fail(err, rc, "'%.80s' is no architecture of this space: %s", text, why.text);
    space__genes_tidy(space, &got);
    *arch = got;
    return RT_OK;
}
