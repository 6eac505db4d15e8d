/* reports/confirm_rows.h -- full runs beside the short ones: is a search's ranking to be believed?
 *
 * Read      the view `confirmations`, of the full recipe that was run last; the curves of the runs;
 *           the rungs of the search.
 * Values    of the quantity that candidates are ranked by, as stored; a mean where a candidate has
 *           several full runs. Lower is better.
 * Bands     candidates in order of cost (multiply-accumulates, else parameters), cut into parts of
 *           at least REPORT__BAND each: size explains much of any ranking, and little within a band.
 * Told apart pairs whose full values differ by more than two standard errors: of the spread between
 *           seeds, pooled over candidates, where there are several; else over examples.
 */
#ifndef REPORTS_CONFIRM_ROWS_H
#define REPORTS_CONFIRM_ROWS_H
#include "base/rank_statistics.h"
#include "reports/text.h"

enum { REPORT__BAND = 6, REPORT__BANDS = 4 };

struct report__full {
    char *arch;
    bool control;
    int seeds, band;
    double cost, params, shorter;          /* what the search said */
    struct report__value validation, test; /* NaN: no test file */
    struct report__value latency;          /* by all blocks that there are; NaN: not measured */
    double first, second;                  /* validation by the first two seeds; NaN: one alone */
};

/* Of short values against full ones. */
struct report__ranking {
    double tau, low, high; /* tau-b and its 95 % interval */
    double spearman;
    size_t top;        /* a third of all, at least 3 */
    double overlap;    /* of the `top` best */
    double regret;     /* what is lost by taking the best of the short runs */
    double regret_top; /* and by training the `top` best of them fully */
    double within;     /* tau-b of pairs within bands alone */
    struct rt_told_apart told;
    double band_tau[REPORT__BANDS];
};

struct report__confirmation {
    int planned, done, failed; /* runs */
    int count;                 /* candidates with results on both sides */
    struct report__full *row;  /* the best full validation first */
    struct report__quantity lead;
    struct report__quantity latency;
    bool timed; /* the study has a latency */
    bool tested;
    double steps, short_steps; /* of a full run and of a trial; NaN: unknown */
    int bands;
    double band_low[REPORT__BANDS], band_high[REPORT__BANDS]; /* of cost */
    struct report__ranking validation, test;
    double
        between_seeds; /* tau-b of full runs by two seeds: no short run can do better; NaN: one */
    double enough;     /* steps after which the course of full runs ranks as their end; NaN */
    int rungs;         /* of the search, more than one */
    double rung_steps[STORE_MAX_RUNGS], rung_tau[STORE_MAX_RUNGS]; /* NaN: too few ran there */
};

/* count 0: nothing is confirmed yet. */
rt_status report__confirmation_load(struct store *store, struct report__confirmation *confirmation,
                                    struct rt_err *err);
void report__confirmation_release(struct report__confirmation *confirmation);
/* What is lost of the lead; of a share so many points. */
const char *report__loss(const struct report__quantity *lead, double value,
                         char text[REPORT__CELL]);
/* What it comes to, in a few sentences. */
void report__confirmation_verdict(const struct report__confirmation *c, char *text, size_t size);
#endif
