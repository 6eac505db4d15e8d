/* base/random.c -- SplitMix64. Its constants, and how many words each draw takes, are part of every
 * study: changing either changes all results. */
#include "base/random.h"

#include <assert.h>
#include <math.h>

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);

void rt_rng_init(struct rt_rng *rng, uint64_t seed, enum rt_stream stream, uint64_t index)
{
    uint64_t key = mix(seed + golden);
    key = mix(key ^ ((uint64_t)stream * UINT64_C(0xd1342543de82ef95)));
    rng->state = mix(key + index * golden);
}

uint64_t rt_rng_u64(struct rt_rng *rng)
{
    return mix(rng->state += golden);
}

double rt_rng_uniform(struct rt_rng *rng)
{
    return (double)(rt_rng_u64(rng) >> 11) * 0x1p-53;
}

uint64_t rt_rng_below(struct rt_rng *rng, uint64_t n)
{
    assert(n > 0);
    const uint64_t tail = -n % n; /* values below it would favour small results */
    uint64_t v;

    assert(n > 0);
    do
        v = rt_rng_u64(rng);
    while (v < tail);
    return v % n;
}

double rt_rng_normal(struct rt_rng *rng)
{
    /* Box-Muller; the second value is dropped so that a draw costs a fixed number of words. */
    const double u = 1.0 - rt_rng_uniform(rng), v = rt_rng_uniform(rng);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

void rt_rng_shuffle(struct rt_rng *rng, int *v, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        const size_t j = (size_t)rt_rng_below(rng, i);
        const int t = v[i - 1];
        v[i - 1] = v[j];
        v[j] = t;
    }
}

uint64_t rt_replicate_seed(uint64_t seed, int replicate)
{
    struct rt_rng rng;

    if (replicate == 0)
        return seed;
    rt_rng_init(&rng, seed, RT_STREAM_REPLICATE, (uint64_t)replicate);
    return rt_rng_u64(&rng) >> 11; /* a whole number for any reader of JSON */
}
