/* trainer/experts/ppo.c -- acting, statistics, and the file in the end. */
#include "trainer/experts/ppo.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "trainer/experts/ppo_internal.h"
#include "trainer/export/safetensors.h"

static const double most_input = 10, epsilon = 1e-8;
static const int64_t minute_ns = INT64_C(60000000000);

void tr_ppo_defaults(struct tr_ppo_recipe *recipe)
{
    *recipe = (struct tr_ppo_recipe){.steps = 600000,
                                     .layers = 2,
                                     .width = {64, 64},
                                     .activation = TR_ACT_TANH,
                                     .copies = 8,
                                     .steps_each = 256,
                                     .epochs = 10,
                                     .batch = 64,
                                     .rate = 3e-4,
                                     .gamma = .99,
                                     .lambda = .95,
                                     .clip = .2,
                                     .value_weight = .5,
                                     .norm = .5,
                                     .seed = 1};
}

/* ---- memory ---- */

static void carve_net(struct tr__ppo *p, struct tr__net *net, int answers, struct rt_arena *arena)
{
    const struct tr_ppo_recipe *r = &p->recipe;
    int widest = answers;

    net->mlp.layers = r->layers + 1;
    net->mlp.activation = r->activation;
    net->mlp.size[0] = p->info->observation;
    for (int l = 0; l < r->layers; l++) {
        net->mlp.size[l + 1] = r->width[l];
        widest = r->width[l] > widest ? r->width[l] : widest;
    }
    net->mlp.size[r->layers + 1] = answers;
    tr_mlp_init(&net->mlp, p->kernels, arena);
    net->grads = rt_arena_zalloc(arena, net->mlp.param_count + TR_SLACK, sizeof(float));
    net->m = rt_arena_zalloc(arena, net->mlp.param_count + TR_SLACK, sizeof(float));
    net->v = rt_arena_zalloc(arena, net->mlp.param_count + TR_SLACK, sizeof(float));
    net->x = rt_arena_zalloc(arena, tr_mlp_floats(r->batch, net->mlp.size[0]), sizeof(float));
    net->dy = rt_arena_zalloc(arena, tr_mlp_floats(r->batch, answers), sizeof(float));
    for (int l = 0; l < net->mlp.layers; l++)
        net->behind[l] =
            rt_arena_zalloc(arena, tr_mlp_floats(r->batch, net->mlp.size[l + 1]), sizeof(float));
    for (int i = 0; i < 2; i++)
        net->spare[i] = rt_arena_zalloc(arena, tr_mlp_floats(r->batch, widest), sizeof(float));
}

static void carve_moments(struct tr__moments *moments, int n, struct rt_arena *arena)
{
    moments->count = 1e-4;
    moments->mean = rt_arena_zalloc(arena, (size_t)n, sizeof(double));
    moments->var = rt_arena_zalloc(arena, (size_t)n, sizeof(double));
    for (int i = 0; moments->var && i < n; i++)
        moments->var[i] = 1;
}

static void carve_lane(struct tr__ppo *p, struct tr__lane *lane, struct rt_arena *arena)
{
    int rows = lane->count > 64 ? lane->count : 64; /* values are asked for 64 rows at a time */

    lane->x = rt_arena_zalloc(arena, tr_mlp_floats(rows, p->info->observation), sizeof(float));
    lane->action =
        rt_arena_zalloc(arena, (size_t)lane->count * (size_t)p->info->actions, sizeof(double));
    for (int l = 0; l <= p->recipe.layers; l++) {
        int widest = p->actor.mlp.size[l + 1];
        widest = p->critic.mlp.size[l + 1] > widest ? p->critic.mlp.size[l + 1] : widest;
        lane->behind[l] = rt_arena_zalloc(arena, tr_mlp_floats(rows, widest), sizeof(float));
    }
}

static void carve_rows(struct tr__ppo *p, struct rt_arena *arena)
{
    const size_t n = (size_t)p->rows;
    const size_t floats = tr_mlp_floats(p->rows, p->info->observation);

    p->x = rt_arena_zalloc(arena, floats, sizeof(float));
    p->next = rt_arena_zalloc(arena, floats, sizeof(float));
    p->action = rt_arena_zalloc(arena, n * (size_t)p->info->actions, sizeof(float));
    p->logp = rt_arena_zalloc(arena, n, sizeof(float));
    p->reward = rt_arena_zalloc(arena, n, sizeof(float));
    p->value = rt_arena_zalloc(arena, n, sizeof(float));
    p->next_value = rt_arena_zalloc(arena, n, sizeof(float));
    p->advantage = rt_arena_zalloc(arena, n, sizeof(float));
    p->target = rt_arena_zalloc(arena, n, sizeof(float));
    p->flags = rt_arena_zalloc(arena, n, sizeof(unsigned));
    p->order = rt_arena_zalloc(arena, n, sizeof(int));
}

static void carve(struct tr__ppo *p, struct rt_arena *arena)
{
    const size_t o = (size_t)p->info->observation, a = (size_t)p->info->actions;

    carve_net(p, &p->actor, p->heads, arena);
    carve_net(p, &p->critic, 1, arena);
    if (!p->info->choices) {
        p->log_sd = rt_arena_zalloc(arena, a, sizeof(float));
        p->sd_grads = rt_arena_zalloc(arena, a, sizeof(float));
        p->sd_m = rt_arena_zalloc(arena, a, sizeof(float));
        p->sd_v = rt_arena_zalloc(arena, a, sizeof(float));
    }
    carve_moments(&p->seen, p->info->observation, arena);
    carve_moments(&p->returns, 1, arena);
    p->copy = rt_arena_zalloc(arena, (size_t)p->recipe.copies, sizeof *p->copy);
    for (int c = 0; c < p->recipe.copies; c++) {
        double *sums = rt_arena_zalloc(arena, 2 * o, sizeof(double));
        float *acted = rt_arena_alloc(arena, (size_t)p->info->horizon * a, sizeof(float));
        if (p->copy && sums) {
            p->copy[c].sum = sums;
            p->copy[c].squares = sums + o;
            p->copy[c].acted = acted;
        }
    }
    for (int i = 0; i < p->lanes; i++)
        carve_lane(p, &p->lane[i], arena);
    carve_rows(p, arena);
}

/* ---- first weights ---- */

/* W (out,in): rows or columns, whichever are fewer, orthonormal; times gain (Saxe et al. 2013). */
static void orthogonal(struct rt_rng *rng, int out, int in, double gain, float *w)
{
    const int few = out < in ? out : in, many = out < in ? in : out;
    double *q = calloc((size_t)few * (size_t)many, sizeof *q);

    for (int i = 0; q && i < few; i++) {
        double *row = q + (ptrdiff_t)i * many, norm = 0;
        for (int k = 0; k < many; k++)
            row[k] = rt_rng_normal(rng);
        for (int j = 0; j < i; j++) { /* Gram and Schmidt, as modified */
            double dot = 0;
            for (int k = 0; k < many; k++)
                dot += row[k] * q[(ptrdiff_t)j * many + k];
            for (int k = 0; k < many; k++)
                row[k] -= dot * q[(ptrdiff_t)j * many + k];
        }
        for (int k = 0; k < many; k++)
            norm += row[k] * row[k];
        for (int k = 0; k < many; k++)
            row[k] /= sqrt(norm);
        for (int k = 0; k < many; k++)
            w[out < in ? (ptrdiff_t)i * in + k : (ptrdiff_t)k * in + i] = (float)(gain * row[k]);
    }
    free(q);
}

static void start_net(struct tr__net *net, struct rt_rng *rng, double head)
{
    for (int l = 0; l < net->mlp.layers; l++)
        orthogonal(rng, net->mlp.size[l + 1], net->mlp.size[l],
                   l < net->mlp.layers - 1 ? sqrt(2) : head, net->mlp.params + net->mlp.offset[l]);
    tr_mlp_pack(&net->mlp, true);
}

/* ---- acting ---- */

/* observation [o] -> x [o], by the running statistics. */
static void normalise(const struct tr__ppo *p, const double *observation, float *x)
{
    for (int i = 0; i < p->info->observation; i++) {
        const double v = (observation[i] - p->seen.mean[i]) / sqrt(p->seen.var[i] + epsilon);
        x[i] = (float)fmax(-most_input, fmin(most_input, v));
    }
}

/* Draws an action by what the actor says. */
static void draw(const struct tr__ppo *p, struct rt_rng *rng, const float *said, float *action)
{
    double sum = 0, most = (double)said[0];
    int k = 0;

    if (!p->info->choices) {
        for (int i = 0; i < p->heads; i++)
            action[i] = (float)((double)said[i] + exp((double)p->log_sd[i]) * rt_rng_normal(rng));
        return;
    }
    for (int i = 1; i < p->heads; i++)
        most = fmax(most, (double)said[i]);
    for (int i = 0; i < p->heads; i++)
        sum += exp((double)said[i] - most);
    for (double left = rt_rng_uniform(rng) * sum; k < p->heads - 1; k++) {
        const double mass = exp((double)said[k] - most);
        if (left < mass)
            break;
        left -= mass;
    }
    action[0] = (float)k;
}

uint64_t tr__ppo_seed(const struct tr__ppo *p, int copy, uint64_t episode)
{
    return tr_episode_seed(p->recipe.seed, RT_STREAM_PPO,
                           UINT64_C(1) << 61 | (uint64_t)copy << 40 | episode);
}

static rt_status reset(struct tr__ppo *p, struct tr__lane *lane, int i, struct rt_err *err)
{
    struct tr__copy *copy = &p->copy[lane->first + i];
    bool which[64] = {false};
    uint64_t seed[64];

    which[i] = true;
    seed[i] = tr__ppo_seed(p, lane->first + i, copy->episodes++);
    copy->played = copy->discounted = 0;
    copy->length = 0;
    return tr_env_reset(lane->batch, which, seed, err);
}

/* What a copy's step adds to its sums. */
static void add_up(const struct tr__ppo *p, struct tr__copy *copy, const double *observation,
                   double reward, unsigned flags)
{
    for (int i = 0; i < p->info->observation; i++) {
        const double v = observation[i] - p->seen.mean[i];
        copy->sum[i] += v;
        copy->squares[i] += v * v;
    }
    copy->discounted = copy->discounted * p->recipe.gamma + reward;
    copy->return_sum += copy->discounted;
    copy->return_squares += copy->discounted * copy->discounted;
    copy->played += reward;
    if (flags) {
        copy->ended_sum += copy->played;
        copy->ended++;
    }
}

/* For an episode that goes on when the run does. */
static void note(const struct tr__ppo *p, struct tr__copy *copy, const float *action)
{
    const size_t a = (size_t)p->info->actions;

    if (copy->length < p->info->horizon)
        memcpy(copy->acted + (size_t)copy->length * a, action, a * sizeof *action);
    copy->length++;
}

/* Step t of a lane's copies. */
static rt_status act(struct tr__ppo *p, struct tr__lane *lane, int t, struct rt_err *err)
{
    const int o = p->info->observation, a = p->info->actions;
    const ptrdiff_t ld = tr_mlp_ld(o), said_ld = tr_mlp_ld(p->heads);
    const float *said = lane->behind[p->actor.mlp.layers - 1];
    bool live[64];

    for (int i = 0; i < lane->count; i++)
        normalise(p, lane->batch->observation + (ptrdiff_t)i * o, lane->x + i * ld);
    tr_mlp_forward(&p->actor.mlp, lane->count, lane->x, lane->behind);
    for (int i = 0; i < lane->count; i++) {
        const int row = (lane->first + i) * p->recipe.steps_each + t;
        float *action = p->action + (ptrdiff_t)row * a;
        memcpy(p->x + row * ld, lane->x + i * ld, (size_t)o * sizeof(float));
        draw(p, &p->copy[lane->first + i].rng, said + i * said_ld, action);
        p->logp[row] = (float)tr__ppo_logp(p, said + i * said_ld, action, NULL);
        for (int k = 0; k < a; k++)
            lane->action[i * a + k] = (double)action[k];
        note(p, &p->copy[lane->first + i], action);
        live[i] = true;
    }
    RT_TRY(tr_env_step(lane->batch, live, lane->action, false, err));
    for (int i = 0; i < lane->count; i++) {
        const int row = (lane->first + i) * p->recipe.steps_each + t;
        const double *observation = lane->batch->observation + (ptrdiff_t)i * o;
        normalise(p, observation, p->next + row * ld);
        p->reward[row] = (float)lane->batch->reward[i];
        p->flags[row] = lane->batch->flags[i];
        add_up(p, &p->copy[lane->first + i], observation, lane->batch->reward[i], p->flags[row]);
        if (p->flags[row])
            RT_TRY(reset(p, lane, i, err));
    }
    return RT_OK;
}

/* The critic's values of a lane's rows of x. */
static void evaluate(const struct tr__ppo *p, struct tr__lane *lane, const float *x, float *value)
{
    const int from = lane->first * p->recipe.steps_each,
              to = from + lane->count * p->recipe.steps_each;
    const ptrdiff_t ld = tr_mlp_ld(p->info->observation);
    const float *said = lane->behind[p->critic.mlp.layers - 1];

    for (int at = from; at < to; at += 64) {
        const int n = to - at < 64 ? to - at : 64;
        tr_mlp_forward(&p->critic.mlp, n, x + at * ld, lane->behind);
        for (int m = 0; m < n; m++)
            value[at + m] = said[m * tr_mlp_ld(1)];
    }
}

static rt_status play(struct tr__ppo *p, struct tr__lane *lane, struct rt_err *err)
{
    for (int t = 0; t < p->recipe.steps_each; t++)
        RT_TRY(act(p, lane, t, err));
    evaluate(p, lane, p->x, p->value);
    evaluate(p, lane, p->next, p->next_value);
    return RT_OK;
}

static rt_status rollout(struct tr__ppo *p, struct rt_err *err)
{
#pragma omp parallel for num_threads(p->threads) schedule(dynamic, 1)
    for (int i = 0; i < p->lanes; i++)
        p->lane[i].rc = play(p, &p->lane[i], &p->lane[i].err);
    for (int i = 0; i < p->lanes; i++)
        if (p->lane[i].rc != RT_OK) {
            if (err)
                *err = p->lane[i].err;
            return p->lane[i].rc;
        }
    return RT_OK;
}

/* ---- statistics ---- */

/* n values whose mean is mean + shift and whose variance is var join the running ones. */
static void merge(struct tr__moments *s, int i, double n, double shift, double var)
{
    const double total = s->count + n;

    s->var[i] = (s->var[i] * s->count + var * n + shift * shift * s->count * n / total) / total;
    s->mean[i] += shift * n / total;
}

/* Sums of all copies, in their order, join the statistics; rewards are scaled by the new ones. */
static void settle(struct tr__ppo *p, double *ended, int *episodes)
{
    const double n = p->rows;
    double sum = 0, squares = 0, rate;

    for (int i = 0; i < p->info->observation; i++) {
        double s = 0, q = 0;
        for (int c = 0; c < p->recipe.copies; c++) {
            s += p->copy[c].sum[i];
            q += p->copy[c].squares[i];
            p->copy[c].sum[i] = p->copy[c].squares[i] = 0;
        }
        merge(&p->seen, i, n, s / n, fmax(0, q / n - s / n * (s / n)));
    }
    p->seen.count += n;
    *ended = 0;
    *episodes = 0;
    for (int c = 0; c < p->recipe.copies; c++) {
        struct tr__copy *copy = &p->copy[c];
        sum += copy->return_sum;
        squares += copy->return_squares;
        *ended += copy->ended_sum;
        *episodes += copy->ended;
        copy->return_sum = copy->return_squares = copy->ended_sum = 0;
        copy->ended = 0;
    }
    merge(&p->returns, 0, n, sum / n - p->returns.mean[0],
          fmax(0, squares / n - sum / n * (sum / n)));
    p->returns.count += n;
    rate = 1 / sqrt(p->returns.var[0] + epsilon);
    for (int i = 0; i < p->rows; i++)
        p->reward[i] = (float)fmax(-most_input, fmin(most_input, (double)p->reward[i] * rate));
}

/* ---- the file ---- */

static rt_status write_policy(const struct tr__ppo *p, const char *path, const char *hash,
                              struct rt_err *err)
{
    const struct tr_mlp *mlp = &p->actor.mlp;
    const int o = p->info->observation;
    struct tr_named tensors[2 * TR_MLP_LAYERS + 4] = {{.name = ""}};
    float mean[TR_MLP_WIDTH], var[TR_MLP_WIDTH];
    const struct tr_metadata notes[] = {
        {"activation", mlp->activation == TR_ACT_TANH ? "tanh" : "relu"},
        {"obs_clip", "10"},
        {"obs_epsilon", "1e-8"},
        {hash ? "made_of" : NULL, hash},
        {NULL, NULL}};
    int n = 0;

    for (int l = 0; l < mlp->layers; l++) {
        const int in = mlp->size[l], out = mlp->size[l + 1];
        const float *weight = mlp->params + mlp->offset[l];
        char layer[24] = "mean";
        if (l < mlp->layers - 1)
            (void)snprintf(layer, sizeof layer, "layers.%d", l);
        tensors[n] = (struct tr_named){.dims = 2, .shape = {out, in}, .values = weight};
        (void)snprintf(tensors[n++].name, sizeof tensors->name, "%s.weight", layer);
        tensors[n] = (struct tr_named){
            .dims = 1, .shape = {out}, .values = weight + (size_t)in * (size_t)out};
        (void)snprintf(tensors[n++].name, sizeof tensors->name, "%s.bias", layer);
    }
    for (int i = 0; i < o; i++) {
        mean[i] = (float)p->seen.mean[i];
        var[i] = (float)p->seen.var[i];
    }
    tensors[n++] = (struct tr_named){"obs_mean", 1, {o}, mean};
    tensors[n++] = (struct tr_named){"obs_var", 1, {o}, var};
    if (p->log_sd)
        tensors[n++] = (struct tr_named){"log_std", 1, {p->info->actions}, p->log_sd};
    return tr_safetensors_write_named(path, tensors, n, notes, err);
}

/* ---- a run ---- */

static rt_status check(const struct tr_env_info *info, const struct tr_ppo_recipe *r,
                       struct rt_err *err)
{
    if (info->observation > TR_MLP_WIDTH || info->actions > 64)
        return rt_fail(err, RT_ESHAPE, "%s: PPO takes up to %d observations and 64 actions",
                       info->name, TR_MLP_WIDTH);
    if (r->layers < 1 || r->layers > TR_MLP_LAYERS - 2 || r->copies < 1 || r->copies > 64 ||
        r->steps_each < 2 || r->batch < 2 || r->batch > r->copies * r->steps_each || r->epochs < 1)
        return rt_fail(err, RT_EARG,
                       "ppo: layers, copies, steps_each, batch or epochs is out of range");
    for (int l = 0; l < r->layers; l++)
        if (r->width[l] < 1 || r->width[l] > TR_MLP_WIDTH)
            return rt_fail(err, RT_EARG, "ppo: a layer of %d units, 1 to %d are possible",
                           r->width[l], TR_MLP_WIDTH);
    return RT_OK;
}

rt_status tr__ppo_begin_lane(struct tr__ppo *p, struct tr__lane *lane, struct rt_err *err)
{
    for (int k = 0; k < lane->count; k++) {
        struct tr__copy *copy = &p->copy[lane->first + k];
        rt_rng_init(&copy->rng, p->recipe.seed, RT_STREAM_PPO, 1 + (uint64_t)(lane->first + k));
        copy->episodes = 0;
        RT_TRY(reset(p, lane, k, err));
    }
    return RT_OK;
}

/* Copies of a child stay together; all others have a lane of their own. */
static rt_status open_lanes(struct tr__ppo *p, struct rt_err *err)
{
    for (int i = 0; i < p->lanes; i++) {
        RT_TRY(tr_env_batch_open(&p->lane[i].batch, p->env, p->lane[i].count, err));
        RT_TRY(tr__ppo_begin_lane(p, &p->lane[i], err));
    }
    return RT_OK;
}

/* For statistics alone: nothing is learned of raw observations. */
static rt_status warm_up(struct tr__ppo *p, struct rt_err *err)
{
    double ended;
    int episodes;

    RT_TRY(rollout(p, err));
    settle(p, &ended, &episodes);
    return RT_OK;
}

static rt_status all_updates(struct tr__ppo *p, const struct tr_ppo_run *run, struct rt_err *err)
{
    const int64_t updates = (p->recipe.steps + p->rows - 1) / p->rows;
    int64_t last_ns = rt_now_ns();
    double ended;
    int episodes;

    for (; p->behind < updates; p->behind++) {
        const int64_t now = rt_now_ns();
        const bool stop = run->stop && atomic_load(run->stop);
        if (run->state && p->behind > 0 &&
            (stop || (run->every ? p->behind % run->every == 0 : now - last_ns >= minute_ns))) {
            tr__ppo_keep(p, run);
            last_ns = now;
        }
        if (stop)
            return rt_fail(err, RT_ESTOP, "stopped");
        RT_TRY(rollout(p, err));
        settle(p, &ended, &episodes);
        RT_TRY(tr__ppo_update(p, (int)p->behind, (double)p->behind / (double)updates, err));
        if (run->progress)
            run->progress(run->to, (p->behind + 1) * p->rows, episodes ? ended / episodes : NAN,
                          episodes);
    }
    return RT_OK;
}

static rt_status go(struct tr__ppo *p, const struct tr_ppo_run *run, struct rt_err *err)
{
    struct rt_rng rng;
    bool taken = false;

    rt_rng_init(&rng, p->recipe.seed, RT_STREAM_PPO, 0);
    start_net(&p->actor, &rng, .01);
    start_net(&p->critic, &rng, 1);
    RT_TRY(open_lanes(p, err));
    if (run->state)
        RT_TRY(tr__ppo_take(p, run, &taken, err));
    if (!taken)
        RT_TRY(warm_up(p, err));
    else if (run->progress)
        run->progress(run->to, p->behind * p->rows, NAN, 0);
    return all_updates(p, run, err);
}

/* Sizes, and lanes without memory. */
static void plan(struct tr__ppo *p, const struct tr_env *env, const struct tr_ppo_recipe *recipe,
                 const struct tr_kernels *kernels, struct tr__lane *lanes)
{
    *p = (struct tr__ppo){
        .env = env, .info = tr_env_info(env), .recipe = *recipe, .kernels = kernels, .lane = lanes};
    p->rows = recipe->copies * recipe->steps_each;
    p->heads = p->info->choices ? p->info->choices : p->info->actions;
    p->lanes = p->info->child ? 1 : recipe->copies;
    for (int i = 0; i < p->lanes; i++)
        lanes[i] = (struct tr__lane){.first = i, .count = recipe->copies / p->lanes};
}

size_t tr_ppo_bytes(const struct tr_env *env, const struct tr_ppo_recipe *recipe,
                    const struct tr_kernels *kernels)
{
    struct tr__lane lanes[64];
    struct rt_arena counting;
    struct tr__ppo p;

    plan(&p, env, recipe, kernels, lanes);
    rt_arena_init_counting(&counting);
    carve(&p, &counting);
    return counting.used;
}

rt_status tr_ppo_train(const struct tr_ppo_run *run, struct rt_err *err)
{
    struct tr__lane lanes[64];
    struct tr__ppo p;
    rt_status rc;

    assert(!run->state || run->hash);
    RT_TRY(check(tr_env_info(run->env), run->recipe, err));
    plan(&p, run->env, run->recipe, run->kernels, lanes);
    p.threads = run->threads > 1 ? run->threads : 1;
    RT_TRY(rt_arena_init(&p.arena, tr_ppo_bytes(run->env, run->recipe, run->kernels), err));
    carve(&p, &p.arena);
    if ((rc = rt_arena_check(&p.arena, "ppo", err)) == RT_OK && (rc = go(&p, run, err)) == RT_OK)
        rc = write_policy(&p, run->path, run->hash, err);
    for (int i = 0; i < p.lanes; i++)
        tr_env_batch_close(p.lane[i].batch);
    rt_arena_release(&p.arena);
    return rc;
}
