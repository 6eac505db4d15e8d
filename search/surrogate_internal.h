/* search/surrogate_internal.h -- what surrogate.c and surrogate_fit.c share. */
#ifndef SEARCH_SURROGATE_INTERNAL_H
#define SEARCH_SURROGATE_INTERNAL_H
#include <stdint.h>

#include "search/loops.h"
#include "search/surrogate.h"

struct search_points {
    const struct search_loops *loops;
    int features, positions, genes;
    size_t room, fitted, count;
    int *position;   /* [features] */
    int *gene;       /* [positions] */
    float *share;    /* [features] 1 / features of its gene */
    double *part;    /* [room] of the variance of noise that is left: 1 / measurements */
    float *x;        /* (features, room) */
    float *look;     /* [features] the place that models are asked about */
    float *next;     /* [features] scratch: the one to come */
    float *gap;      /* (positions, room) of it to all points, squared */
    size_t measured; /* so many of them are known; 0: none */
    float *pairs;    /* (positions, fitted * (fitted + 1) / 2) of all pairs of the fitted */
    size_t pairs_of; /* so many points; 0: to be measured */
    uint64_t looks;  /* so far */
    int seat;        /* of the last one */
};

struct search_model {
    struct search_points *points;
    size_t count;
    uint64_t look[SEARCH_SEATS]; /* of which k and v are */
    size_t solved[SEARCH_SEATS]; /* beginning of v that is known */
    double rest[SEARCH_SEATS];   /* s - v.v of it */
    bool weighed;                /* w is of all points */
    int scales;                  /* genes + positions + 2 */
    double *theta;   /* [scales] logarithms: of each gene and position, of signal and noise */
    float *scale;    /* [positions] w_gene * u_position of them */
    double mean, sd; /* of the values fitted */
    double *l;       /* (room, room) lower triangle */
    double *inverse; /* [room] of its diagonal */
    double *z, *w;   /* [room] */
    double *k, *v;   /* (SEARCH_SEATS, room) of the places looked at */
    float *r2;       /* [room], or of all pairs of a fit, as the next two */
    double *pair_k, *pair_slope;
    double *full;  /* (fitted, fitted) the covariance's inverse, in a fit */
    double *climb; /* (4, scales) slopes, those before, steps, the best so far, in a fit */
};

/* r2[n] = sum over positions of their scales times gaps, rows of `stride`. */
void search__weigh(const struct search_model *m, const float *gaps, size_t stride, size_t n,
                   float *r2);
/* s, and the noise's variance. */
double search__signal_of(const struct search_model *m);
double search__noise_of(const struct search_model *m);
/* w = L^-T z. */
void search__find_weights(struct search_model *m);
/* v = L^-1 k alone, as by loops.h, of a factor that begins at row `first`. */
void search__solve(const struct search_model *m, size_t first, const double *k, double *v,
                   size_t n);
/* k and v are of no place. */
void search__forget_looks(struct search_model *m);
/* Look at point number i, as far as the points before it, and itself, tell. */
void search__look_again(struct search_points *p, size_t i);
#endif
