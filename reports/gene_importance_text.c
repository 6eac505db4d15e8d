/* reports/gene_importance_text.c -- report_importance() of report.h, and the section of the page.
 *
 * Both say when too few trials are among the best to tell anything.
 */
#include <jansson.h>

#include "reports/gene_importance.h"
#include "reports/page_internal.h"
#include "reports/row_table.h"
#include "reports/text.h"

static void print_table(FILE *out, const struct report__importance *all)
{
    (void)fprintf(out, "what sets the best %zu of %zu trials apart (by rank, then hypervolume)\n",
                  all->top, all->trials);
    if (all->every > 1)
        (void)fprintf(out, "these are a sample, one in %lld\n", (long long)all->every);
    (void)fprintf(out, "\n%-20s %6s  %s\n", "gene", "share", "more often among the best");
    for (int g = 0; g < all->count; g++) {
        const struct report__gene *gene = &all->gene[g];
        char text[128];
        (void)fprintf(out, "%-20.20s %4.0f %%  %s\n", gene->name, 100 * gene->share,
                      gene->importance > 0 ? report__favoured_text(gene, text)
                                           : "no more than chance");
    }
    if (all->top < REPORT__FEW_TOP)
        (void)fprintf(out,
                      "\nonly %zu trials are in the best tenth: %d say more, that is %d trials\n",
                      all->top, REPORT__FEW_TOP, 10 * REPORT__FEW_TOP);
}

static void print_csv(FILE *out, const struct report__importance *all)
{
    (void)fputs("gene,position,importance,share,choice,of_best,of_all\n", out);
    for (int g = 0; g < all->count; g++)
        for (int p = 0; p < all->gene[g].positions; p++) {
            const struct report__gene *gene = &all->gene[g];
            const struct report__position *position = &gene->position[p];
            (void)fprintf(out, "%s,", gene->name);
            if (gene->positions > 1)
                (void)fprintf(out, "%d", p);
            (void)fprintf(out, ",%.6g,%.6g,", position->importance, gene->share);
            if (position->favoured >= 0)
                (void)fprintf(out, "%s,%.6g,%.6g\n", gene->choice[position->favoured],
                              position->of_top, position->of_all);
            else
                (void)fputs(",,\n", out);
        }
}

static json_t *json_position(const struct report__gene *gene, const struct report__position *p)
{
    json_t *json = json_pack("{s:f}", "importance", p->importance);

    if (json && p->favoured >= 0)
        json_object_update_new(json, json_pack("{s:s,s:f,s:f}", "choice", gene->choice[p->favoured],
                                               "of_best", p->of_top, "of_all", p->of_all));
    return json;
}

static json_t *json_importance(const struct report__importance *all)
{
    json_t *genes = json_array();

    for (int g = 0; g < all->count; g++) {
        const struct report__gene *gene = &all->gene[g];
        json_t *positions = json_array();
        for (int p = 0; p < gene->positions; p++)
            json_array_append_new(positions, json_position(gene, &gene->position[p]));
        json_array_append_new(genes, json_pack("{s:s,s:f,s:f,s:o}", "gene", gene->name,
                                               "importance", gene->importance, "share", gene->share,
                                               "positions", positions));
    }
    json_t *json = json_pack("{s:I,s:I,s:o}", "trials", (json_int_t)all->trials, "best",
                             (json_int_t)all->top, "genes", genes);
    if (json && all->every > 1)
        json_object_set_new(json, "one_in", json_integer(all->every));
    return json;
}

rt_status report_importance(struct store *store, enum report_format format, FILE *out,
                            struct rt_err *err)
{
    struct report__importance all;
    rt_status rc;

    RT_TRY(report__freeze(store, err));
    rc = report__importance_load(store, &all, err);
    report__unfreeze(store);
    RT_TRY(rc);
    switch (format) {
    case REPORT_TABLE: print_table(out, &all); break;
    case REPORT_CSV: print_csv(out, &all); break;
    case REPORT_JSON: rc = report__print_json(json_importance(&all), out, err); break;
    }
    report__importance_release(&all);
    return rc;
}

rt_status report__page_importance(struct report__page *page, struct rt_err *err)
{
    static const char *const heads[] = {"<gene", "share, %", "<", "<more often among the best",
                                        NULL};
    struct report__importance all;
    FILE *out = page->out;
    struct rt_err few;
    rt_status rc = report__importance_load(page->store, &all, &few);

    if (rc == RT_EEND) /* too early to tell */
        return RT_OK;
    if (rc != RT_OK)
        return rt_fail(err, rc, "%s", few.text);
    report__section(out, "genes", "Which genes matter");
    (void)fprintf(out,
                  "<p class=\"lead\">What sets the best %zu of %zu trials apart: how far their "
                  "choices differ from those of all trials, beyond chance.%s",
                  all.top, all.trials, all.top < REPORT__FEW_TOP ? " So few say little yet." : "");
    if (all.every > 1)
        (void)fprintf(out, " These are a sample, one in %lld.", (long long)all.every);
    (void)fputs("</p>\n", out);
    report__table_open(out, heads);
    for (int g = 0; g < all.count; g++) {
        const struct report__gene *gene = &all.gene[g];
        char text[128], share[REPORT__CELL];
        (void)fputs("<tr>", out);
        report__cell_left(out, gene->name);
        report__cell(out, report__fixed(100 * gene->share, 0, share), gene->share);
        (void)fprintf(out,
                      "<td class=\"left\"><span class=\"bar\" style=\"width:%.1fem\"></span></td>",
                      8 * gene->share);
        report__cell_left(out, gene->importance > 0 ? report__favoured_text(gene, text)
                                                    : "no more than chance");
        (void)fputs("</tr>\n", out);
    }
    report__table_close(out);
    report__importance_release(&all);
    return RT_OK;
}
