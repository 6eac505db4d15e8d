/* search/log.c -- the plain log of a search.
 *
 * A convenience beside the store, which is the record: a line that cannot be written is dropped, as
 * a full disk is reported by the store.
 */
#include "base/clock.h"
#include "search/search_internal.h"

void search__log(FILE *file, const struct space *space, const struct search_options *options,
                 const struct search__line *line)
{
    char now[RT_UTC_TEXT], arch[SPACE_ARCH_TEXT];

    if (!file)
        return;
    rt_utc_text(now);
    fprintf(file, "%s %s", now, line->event);
    if (line->number >= 0)
        fprintf(file, " %lld", (long long)line->number);
    if (line->arch) {
        space_print(space, line->arch, arch);
        fprintf(file, " %s", arch);
    }
    for (int i = 0; i < options->objective_count && line->objectives; i++)
        fprintf(file, " %s=%.9g", options->objectives[i], line->objectives[i]);
    if (line->seconds >= 0)
        fprintf(file, " %.3fs", line->seconds);
    if (line->text)
        fprintf(file, " %s", line->text);
    fputc('\n', file);
    fflush(file);
}
