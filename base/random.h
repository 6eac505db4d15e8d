/* base/random.h -- random numbers as a function of (seed, stream, index), never of a thread.
 *
 * A stream is keyed by what it is for, so drawing more in one place never shifts another, and any
 * trial can be replayed alone. Generator: SplitMix64 from a key that mixes seed, stream and index
 * (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators", section 4).
 *
 * Threads  a struct rt_rng belongs to one thread; two with the same key give the same numbers.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H
#include <stddef.h>
#include <stdint.h>

/* What a stream is for. The numbers are part of a study's reproducibility: only ever append. */
enum rt_stream {
    RT_STREAM_SPLIT = 1,       /* index 0: train / validation split; 1: held-out rows */
    RT_STREAM_INIT = 2,        /* index: tensor number */
    RT_STREAM_ORDER = 3,       /* index: epoch */
    RT_STREAM_PROPOSE = 4,     /* index: trial number */
    RT_STREAM_LATENCY = 5,     /* index 0: inputs of a latency measurement */
    RT_STREAM_BOOTSTRAP = 6,   /* index: what is resampled */
    RT_STREAM_LAYER_MAP = 7,   /* index: epoch */
    RT_STREAM_CALIBRATION = 8, /* index 0: rows that scores and ranges are measured on */
    RT_STREAM_PROJECTION = 9,  /* index: 0 of the embedding, 1 of hidden layers */
    RT_STREAM_COHORT = 10,     /* index: student of a cohort, from 1 */
    RT_STREAM_ROLLOUT = 11,    /* starts of episodes; index: round << 32 | episode */
    RT_STREAM_DRIVE = 12,      /* coins, noise and samples of an episode; index as in ROLLOUT */
    RT_STREAM_REPLAY = 13,     /* index: step */
    RT_STREAM_EVALUATE = 14,   /* index: episode; the test's from 1 << 40 on */
    RT_STREAM_PPO = 15,   /* index 0: first weights; 1 + update << 8 | copy: actions of a copy */
    RT_STREAM_START = 16, /* what an environment draws from its episode's seed; index 0 */
    RT_STREAM_REPLICATE = 17,  /* index: replicate, from 1 */
    RT_STREAM_CONTROL = 18,    /* index: stratum of the controls of `retort confirm` */
    RT_STREAM_MEMBERSHIP = 19, /* index: draw */
    RT_STREAM_SAMPLE = 20,     /* index 0: tokens that go on with a text */
    RT_STREAM_TEST = 100       /* tests only */
};

struct rt_rng {
    uint64_t state;
};

/* The seed of the n-th run of everything a study tries: its own for the first, 0. The same for all
 * candidates, so that they are compared on the same order of rows. */
uint64_t rt_replicate_seed(uint64_t seed, int replicate);

void rt_rng_init(struct rt_rng *rng, uint64_t seed, enum rt_stream stream, uint64_t index);
uint64_t rt_rng_u64(struct rt_rng *rng);
double rt_rng_uniform(struct rt_rng *rng);                 /* [0, 1), 53 bits */
uint64_t rt_rng_below(struct rt_rng *rng, uint64_t n);     /* 0..n-1 without bias; n > 0 */
double rt_rng_normal(struct rt_rng *rng);                  /* mean 0, variance 1 */
void rt_rng_shuffle(struct rt_rng *rng, int *v, size_t n); /* Fisher-Yates */
#endif
