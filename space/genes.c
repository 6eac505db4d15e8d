/* space/genes.c -- spaces of the user's own genes: checks, layers, and the canonical row.
 *
 * A gene that gives lengths comes before the lists that have them, so one pass in order knows each
 * list's length when it comes to it.
 */
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "space/space_internal.h"

const char *const space_numbers[SPACE_MAX_CHOICES] = {
    "0",  "1",  "2",  "3",  "4",  "5",  "6",  "7",  "8",  "9",  "10", "11", "12", "13", "14", "15",
    "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31",
    "32", "33", "34", "35", "36", "37", "38", "39", "40", "41", "42", "43", "44", "45", "46", "47",
    "48", "49", "50", "51", "52", "53", "54", "55", "56", "57", "58", "59", "60", "61", "62", "63"};

/* ---- checks ---- */

static bool good_text(const char *text, const char *signs)
{
    const size_t length = strlen(text);

    for (const char *at = text; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr(signs, *at))
            return false;
    return length > 0 && length < SPACE_NAME;
}

static rt_status check_name(const struct space *space, int g, struct rt_err *err)
{
    const char *name = space->gene[g].name;

    if (!good_text(name, "_") || !isalpha((unsigned char)name[0]))
        return rt_fail(err, RT_EARG,
                       "space.genes[%d].name: '%.40s' is no name; give a letter, then letters, "
                       "digits and _, %d at most",
                       g, name, SPACE_NAME - 1);
    for (int i = 0; i < g; i++)
        if (strcmp(space->gene[i].name, name) == 0)
            return rt_fail(err, RT_EARG, "space.genes[%d].name: '%s' is there twice", g, name);
    return RT_OK;
}

static bool number(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == '\0';
}

static rt_status check_choices(const struct space_gene *gene, int g, struct rt_err *err)
{
    double before, value;

    if (gene->choice_count < 1 || gene->choice_count > SPACE_MAX_CHOICES)
        return rt_fail(err, RT_EARG, "space.genes[%d].choices: give 1 to %d choices, not %d", g,
                       SPACE_MAX_CHOICES, gene->choice_count);
    for (int c = 0; c < gene->choice_count; c++) {
        if (!good_text(gene->choice[c], gene->list ? "_+-" : "_+-."))
            return rt_fail(err, RT_EARG,
                           "space.genes[%d].choices[%d]: '%.40s' cannot be written in an "
                           "architecture's text; use letters, digits and %s, %d at most",
                           g, c, gene->choice[c], gene->list ? "_+-" : "_+-.", SPACE_NAME - 1);
        for (int i = 0; i < c; i++)
            if (strcmp(gene->choice[i], gene->choice[c]) == 0)
                return rt_fail(err, RT_EARG, "space.genes[%d].choices[%d]: '%s' is there twice", g,
                               c, gene->choice[c]);
        if (gene->ordered && c > 0 && number(gene->choice[c - 1], &before) &&
            number(gene->choice[c], &value) && !(before < value))
            return rt_fail(err, RT_EARG,
                           "space.genes[%d].choices[%d]: '%s' comes after '%s'; give ordered "
                           "choices in ascending order",
                           g, c, gene->choice[c], gene->choice[c - 1]);
    }
    return RT_OK;
}

/* The number of layers that a choice stands for; 0 when it is none. */
static int layers_of(const char *choice)
{
    char *end;
    const long layers = strtol(choice, &end, 10);

    return *end == '\0' && layers >= 1 && layers <= SPACE_MAX_POSITIONS ? (int)layers : 0;
}

static rt_status find_length(struct space *space, int g, struct rt_err *err)
{
    struct space_gene *gene = &space->gene[g];

    for (int i = 0; i < g; i++)
        if (strcmp(space->gene[i].name, gene->length_name) == 0)
            gene->length_gene = i;
    if (gene->length_gene < 0 || space->gene[gene->length_gene].list)
        return rt_fail(err, RT_EARG,
                       "space.genes[%d].length: '%.40s' is neither a number nor the name of an "
                       "earlier gene that is no list",
                       g, gene->length_name);
    const struct space_gene *by = &space->gene[gene->length_gene];
    for (int c = 0; c < by->choice_count && c < SPACE_MAX_CHOICES; c++)
        if (!layers_of(by->choice[c]))
            return rt_fail(err, RT_EARG,
                           "space.genes[%d].length: '%s' can be '%.40s', which is no number of 1 "
                           "to %d",
                           g, by->name, by->choice[c], SPACE_MAX_POSITIONS);
    return RT_OK;
}

static int most_layers(const struct space *space, const struct space_gene *gene)
{
    int most = gene->length;

    if (gene->length_gene >= 0)
        for (int c = 0; c < space->gene[gene->length_gene].choice_count; c++) {
            const int layers = layers_of(space->gene[gene->length_gene].choice[c]);
            most = layers > most ? layers : most;
        }
    return most;
}

static rt_status check_list(struct space *space, int g, struct rt_err *err)
{
    struct space_gene *gene = &space->gene[g];

    gene->length_gene = -1;
    gene->positions = 1;
    if (!gene->list)
        return RT_OK;
    if (gene->length_name)
        RT_TRY(find_length(space, g, err));
    else if (gene->length < 1 || gene->length > SPACE_MAX_POSITIONS)
        return rt_fail(err, RT_EARG, "space.genes[%d].length: %d is not within 1 and %d", g,
                       gene->length, SPACE_MAX_POSITIONS);
    if (gene->tie == SPACE_TIE_STAGE && gene->stages < 1)
        return rt_fail(err, RT_EARG, "space.genes[%d].stages: tie stage needs at least 1 stage", g);
    gene->positions = space__genes_groups(gene, most_layers(space, gene));
    return RT_OK;
}

/* Of the longest text, "=" and "," or the final NUL included. */
static size_t text_room(const struct space *space, const struct space_gene *gene)
{
    size_t most = 0;

    for (int c = 0; c < gene->choice_count; c++)
        most = strlen(gene->choice[c]) > most ? strlen(gene->choice[c]) : most;
    return strlen(gene->name) + 1 +
           (most + 1) * (size_t)(gene->positions > 1 ? most_layers(space, gene) : 1);
}

rt_status space__genes_check(struct space *space, struct rt_err *err)
{
    size_t text = 0;
    int first = 0;

    for (int g = 0; g < space->gene_count; g++) {
        RT_TRY(check_name(space, g, err));
        RT_TRY(check_choices(&space->gene[g], g, err));
        RT_TRY(check_list(space, g, err));
        space->gene[g].first = first;
        first += space->gene[g].positions;
        text += text_room(space, &space->gene[g]);
        if (first > SPACE_MAX_POSITIONS)
            return rt_fail(err, RT_EARG,
                           "space.genes[%d]: more than %d positions; shorten or tie the lists", g,
                           SPACE_MAX_POSITIONS);
        if (text > SPACE_ARCH_TEXT)
            return rt_fail(err, RT_EARG,
                           "space.genes[%d]: an architecture's text would need more than %d "
                           "characters; shorten the names, the choices or the lists",
                           g, SPACE_ARCH_TEXT - 1);
    }
    return RT_OK;
}

/* ---- layers and groups ---- */

int space__genes_groups(const struct space_gene *gene, int layers)
{
    switch (gene->tie) {
    case SPACE_TIE_UNIFORM: return 1;
    case SPACE_TIE_STAGE: return gene->stages < layers ? gene->stages : layers;
    case SPACE_TIE_LAYER:
    case SPACE_TIE_AUTO: break;
    }
    return layers;
}

int space__genes_layers(const struct space_gene *gene, const struct space *space,
                        const int8_t *choice)
{
    if (!gene->list)
        return 1;
    if (gene->length_gene < 0)
        return gene->length;
    const struct space_gene *by = &space->gene[gene->length_gene];
    return layers_of(by->choice[choice[by->first]]);
}

int space__genes_active(const struct space_gene *gene, const struct space *space,
                        const int8_t *choice)
{
    return gene->list ? space__genes_groups(gene, space__genes_layers(gene, space, choice)) : 1;
}

void space__genes_tidy(const struct space *space, struct space_arch *arch)
{
    for (int g = 0; g < space->gene_count; g++) {
        const struct space_gene *gene = &space->gene[g];
        const int active = space__genes_active(gene, space, arch->choice);
        int8_t *at = arch->choice + gene->first;
        for (int i = 0; i < gene->positions; i++)
            if (i >= active)
                at[i] = -1;
            else if (at[i] < 0)
                at[i] = (int8_t)(i ? at[i - 1] : 0);
    }
}

bool space__genes_contain(const struct space *space, const struct space_arch *arch)
{
    struct space_arch tidy = {.depth = 0};

    for (int g = 0; g < space->gene_count; g++) {
        const struct space_gene *gene = &space->gene[g];
        for (int i = gene->first; i < gene->first + gene->positions; i++) {
            if (arch->choice[i] < -1 || arch->choice[i] >= gene->choice_count)
                return false;
            tidy.choice[i] = arch->choice[i];
        }
    }
    space__genes_tidy(space, &tidy);
    return space_arch_equal(&tidy, arch);
}

const char *space__genes_value(const struct space *space, const struct space_arch *arch, int gene,
                               int layer)
{
    const struct space_gene *g = &space->gene[gene];
    const int layers = space__genes_layers(g, space, arch->choice);

    assert(layers > 0); /* as space_init() made sure */
    return g->choice[arch->choice[g->first + layer * space__genes_groups(g, layers) / layers]];
}
