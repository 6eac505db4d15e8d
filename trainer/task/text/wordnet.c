/* trainer/task/text/wordnet.c -- see wordnet.h. A line of these files is
 * "offset lex_filenum pos ... | gloss", the licence's lines begin with a space: wndb(5WN). */
#include "trainer/task/text/wordnet.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "trainer/task/packed.h"
#include "trainer/task/text/fnv.h"
#include "trainer/task/text/table_internal.h"

const char *const tr_wordnet_labels[TR_WORDNET_LABELS] = {
    "adj.all",          "adj.pert",           "adv.all",
    "noun.Tops",        "noun.act",           "noun.animal",
    "noun.artifact",    "noun.attribute",     "noun.body",
    "noun.cognition",   "noun.communication", "noun.event",
    "noun.feeling",     "noun.food",          "noun.group",
    "noun.location",    "noun.motive",        "noun.object",
    "noun.person",      "noun.phenomenon",    "noun.plant",
    "noun.possession",  "noun.process",       "noun.quantity",
    "noun.relation",    "noun.shape",         "noun.state",
    "noun.substance",   "noun.time",          "verb.body",
    "verb.change",      "verb.cognition",     "verb.communication",
    "verb.competition", "verb.consumption",   "verb.contact",
    "verb.creation",    "verb.emotion",       "verb.motion",
    "verb.perception",  "verb.possession",    "verb.social",
    "verb.stative",     "verb.weather",       "adj.ppl"};

enum { seen_slots = 1 << 19, most_glosses = seen_slots / 2, most_bytes = 1 << 28 };

struct reading {
    int from, to; /* folds that are kept */
    struct tr__growing growing;
    int *fold;         /* [most_glosses], of the rows */
    char *bytes[4];    /* of the files, for comparing glosses */
    const char **seen; /* [seen_slots] glosses, of any fold */
    size_t *seen_bytes;
    int glosses;
};

/* Is it the first of these bytes? */
static bool first_seen(struct reading *r, uint64_t hash, const char *gloss, size_t bytes)
{
    size_t slot = hash % seen_slots;

    for (; r->seen[slot]; slot = (slot + 1) % seen_slots)
        if (r->seen_bytes[slot] == bytes && memcmp(r->seen[slot], gloss, bytes) == 0)
            return false;
    r->seen[slot] = gloss;
    r->seen_bytes[slot] = bytes;
    r->glosses++;
    return true;
}

static rt_status add_gloss(struct reading *r, const struct tr__source *source, int line,
                           const char *gloss, size_t bytes, int label, struct rt_err *err)
{
    const uint64_t hash = tr_fnv(TR_FNV_START, gloss, bytes);
    const int fold = (int)(hash % 10), row = r->growing.table.rows;

    if (r->glosses == most_glosses)
        return tr__fail_line(err, source, line, "more than %d glosses", most_glosses);
    if (!first_seen(r, hash, gloss, bytes) || fold < r->from || fold > r->to)
        return RT_OK;
    RT_TRY(tr__table_add(&r->growing, line, (const char *[]){gloss, tr_wordnet_labels[label]},
                         (size_t[]){bytes, strlen(tr_wordnet_labels[label])}, err));
    r->fold[row] = fold;
    return RT_OK;
}

static const char *find(const char *at, const char *end, const char *what)
{
    const size_t bytes = strlen(what);

    for (; at + bytes <= end; at++)
        if (memcmp(at, what, bytes) == 0)
            return at;
    return NULL;
}

static rt_status read_line(struct reading *r, const struct tr__source *source, int line,
                           const char *at, size_t bytes, struct rt_err *err)
{
    const char *end = at + bytes, *gloss = find(at, end, " | ");
    const int label = bytes > 11 ? 10 * (at[9] - '0') + at[10] - '0' : -1;

    if (!gloss || at[8] != ' ' || label < 0 || label >= TR_WORDNET_LABELS)
        return tr__fail_line(err, source, line, "no synset with a gloss; %s",
                             "want the files of WordNet 3.0, package wordnet-base");
    gloss += 3;
    while (end > gloss && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    while (gloss < end && *gloss == ' ')
        gloss++;
    return add_gloss(r, source, line, gloss, (size_t)(end - gloss), label, err);
}

static rt_status read_file(struct reading *r, const char *folder, int which, struct rt_err *err)
{
    static const char *const part[] = {"adj", "adv", "noun", "verb"};
    char path[RT_PATH_MAX];
    const char *line;
    uint8_t *data;
    size_t count, bytes;

    if ((size_t)snprintf(path, sizeof path, "%s/data.%s", folder, part[which]) >= sizeof path)
        return rt_fail(err, RT_EARG, "'%.200s': the path is too long", folder);
    RT_TRY(tr_packed_read(path, most_bytes, &data, &count, err));
    r->bytes[which] = (char *)data;
    struct tr__source source = {
        .name = path, .at = r->bytes[which], .end = r->bytes[which] + count, .line = 1};
    for (int number = 1; tr__next_line(&source, &line, &bytes); number = source.line)
        if (bytes && *line != ' ')
            RT_TRY(read_line(r, &source, number, line, bytes, err));
    return RT_OK;
}

static rt_status read_files(struct reading *r, const char *folder, struct rt_err *err)
{
    r->growing.table.columns = 2;
    r->fold = malloc(most_glosses * sizeof *r->fold);
    r->seen = calloc(seen_slots, sizeof *r->seen);
    r->seen_bytes = malloc(seen_slots * sizeof *r->seen_bytes);
    if (!r->fold || !r->seen || !r->seen_bytes)
        return rt_fail(err, RT_ENOMEM, "no memory for the glosses of '%.200s'", folder);
    for (int i = 0; i < 4; i++)
        RT_TRY(read_file(r, folder, i, err));
    if (!r->growing.table.rows)
        return rt_fail(err, RT_EFORMAT, "'%.200s' has no glosses of folds %d to %d", folder,
                       r->from, r->to);
    return RT_OK;
}

rt_status tr_wordnet_read(const char *folder, int from, int to, struct tr_table *table, int **fold,
                          struct rt_err *err)
{
    struct reading r = {.from = from, .to = to};

    assert(from >= 0 && from <= to && to < 10);
    const rt_status rc = read_files(&r, folder, err);
    for (int i = 0; i < 4; i++)
        free(r.bytes[i]);
    free(r.seen);
    free(r.seen_bytes);
    if (rc) {
        free(r.fold);
        tr_table_release(&r.growing.table);
        return rc;
    }
    *table = r.growing.table;
    *fold = r.fold;
    return RT_OK;
}
