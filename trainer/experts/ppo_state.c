/* trainer/experts/ppo_state.c -- a run of PPO between two updates, as base/state.h keeps it.
 *
 * Sums that an update uses up are zero then. Environments are not asked what they hold, as most could
 * not tell: the actions since an episode's start are kept, and played again.
 */
#include <stdio.h>
#include <string.h>

#include "base/build.h"
#include "base/state.h"
#include "trainer/experts/ppo_internal.h"

/* Of recipe and environment, program and kernels. */
static void made_of(const struct tr__ppo *p, const struct tr_ppo_run *run, char text[RT_HASH_TEXT])
{
    char line[512];
    struct rt_build build;

    rt_build_query(&build);
    const int n =
        snprintf(line, sizeof line, "%s %s %s", run->hash, build.hash, tr_kernels_name(p->kernels));
    rt_hash_bytes(line, (size_t)n, text);
}

static void walk_net(struct rt_state *s, struct tr__net *net)
{
    const size_t bytes = net->mlp.param_count * sizeof(float);

    rt_state_part(s, net->mlp.params, bytes);
    rt_state_part(s, net->m, bytes);
    rt_state_part(s, net->v, bytes);
}

static void walk_moments(struct rt_state *s, struct tr__moments *moments, int n)
{
    rt_state_part(s, &moments->count, sizeof moments->count);
    rt_state_part(s, moments->mean, (size_t)n * sizeof *moments->mean);
    rt_state_part(s, moments->var, (size_t)n * sizeof *moments->var);
}

static void walk_copy(struct rt_state *s, const struct tr__ppo *p, struct tr__copy *copy)
{
    rt_state_part(s, &copy->rng, sizeof copy->rng);
    rt_state_part(s, &copy->episodes, sizeof copy->episodes);
    rt_state_part(s, &copy->played, sizeof copy->played);
    rt_state_part(s, &copy->discounted, sizeof copy->discounted);
    rt_state_part(s, copy->acted,
                  (size_t)copy->length * (size_t)p->info->actions * sizeof *copy->acted);
}

/* The lengths of episodes come first, since they tell how much there is. */
static void walk(struct rt_state *s, void *context)
{
    struct tr__ppo *p = context;
    const size_t deviations = p->log_sd ? (size_t)p->info->actions * sizeof(float) : 0;

    for (int c = 0; c < p->recipe.copies; c++)
        rt_state_part(s, &p->copy[c].length, sizeof p->copy[c].length);
    rt_state_part(s, &p->behind, sizeof p->behind);
    rt_state_part(s, &p->adam_steps, sizeof p->adam_steps);
    walk_net(s, &p->actor);
    walk_net(s, &p->critic);
    if (deviations) {
        rt_state_part(s, p->log_sd, deviations);
        rt_state_part(s, p->sd_m, deviations);
        rt_state_part(s, p->sd_v, deviations);
    }
    walk_moments(s, &p->seen, p->info->observation);
    walk_moments(s, &p->returns, 1);
    for (int c = 0; c < p->recipe.copies; c++)
        walk_copy(s, p, &p->copy[c]);
}

void tr__ppo_keep(struct tr__ppo *p, const struct tr_ppo_run *run)
{
    char text[RT_HASH_TEXT];

    for (int c = 0; c < p->recipe.copies; c++)
        if (p->copy[c].length > p->info->horizon)
            return; /* more than is kept of it */
    made_of(p, run, text);
    (void)rt_state_write(run->state, text, walk, p);
}

/* ---- and back ---- */

/* The lengths that it tells, when all that they ask for is there. */
static bool take_lengths(struct tr__ppo *p, const unsigned char *parts, size_t bytes)
{
    const size_t copies = (size_t)p->recipe.copies;
    struct rt_state count = {0};

    if (bytes < copies * sizeof(int))
        return false;
    for (size_t c = 0; c < copies; c++) {
        memcpy(&p->copy[c].length, parts + c * sizeof(int), sizeof(int));
        if (p->copy[c].length < 0 || p->copy[c].length > p->info->horizon)
            return false;
    }
    walk(&count, p);
    return count.bytes == bytes;
}

/* All copies of a lane to where they were. */
static rt_status play_again(struct tr__ppo *p, struct tr__lane *lane, struct rt_err *err)
{
    const int a = p->info->actions;
    bool live[64];
    uint64_t seed[64];
    int longest = 0;

    for (int i = 0; i < lane->count; i++) {
        const struct tr__copy *copy = &p->copy[lane->first + i];
        live[i] = true;
        seed[i] = tr__ppo_seed(p, lane->first + i, copy->episodes - 1);
        longest = copy->length > longest ? copy->length : longest;
    }
    RT_TRY(tr_env_reset(lane->batch, live, seed, err));
    for (int t = 0; t < longest; t++) {
        for (int i = 0; i < lane->count; i++) {
            const struct tr__copy *copy = &p->copy[lane->first + i];
            live[i] = t < copy->length;
            for (int k = 0; k < a && live[i]; k++)
                lane->action[i * a + k] = (double)copy->acted[(ptrdiff_t)t * a + k];
        }
        RT_TRY(tr_env_step(lane->batch, live, lane->action, false, err));
    }
    return RT_OK;
}

rt_status tr__ppo_take(struct tr__ppo *p, const struct tr_ppo_run *run, bool *taken,
                       struct rt_err *err)
{
    const unsigned char *parts;
    char text[RT_HASH_TEXT];
    struct rt_map map;
    size_t bytes;

    *taken = false;
    made_of(p, run, text);
    if (!rt_state_open(&map, run->state, text, &parts, &bytes))
        return RT_OK;
    *taken = take_lengths(p, parts, bytes);
    for (int c = 0; c < p->recipe.copies && !*taken; c++)
        p->copy[c].length = 0;
    if (*taken) {
        struct rt_state read = {.from = parts};
        walk(&read, p);
        tr_mlp_pack(&p->actor.mlp, true);
        tr_mlp_pack(&p->critic.mlp, true);
    }
    rt_map_close(&map);
    for (int i = 0; i < p->lanes && *taken; i++)
        RT_TRY(play_again(p, &p->lane[i], err));
    return RT_OK;
}
