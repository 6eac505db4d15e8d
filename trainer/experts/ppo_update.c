/* trainer/experts/ppo_update.c -- advantages, losses and Adam. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "trainer/experts/ppo_internal.h"

static const double ln_2pi = 1.8378770664093453;

static double logp_choice(const float *said, int n, int choice, float *grad)
{
    double most = (double)said[0], sum = 0;

    for (int k = 1; k < n; k++)
        most = fmax(most, (double)said[k]);
    for (int k = 0; k < n; k++)
        sum += exp((double)said[k] - most);
    for (int k = 0; grad && k < n; k++)
        grad[k] = (float)((k == choice) - exp((double)said[k] - most) / sum);
    return (double)said[choice] - most - log(sum);
}

double tr__ppo_logp(const struct tr__ppo *p, const float *said, const float *action, float *grad)
{
    double sum = 0;

    if (p->info->choices)
        return logp_choice(said, p->heads, (int)action[0], grad);
    for (int i = 0; i < p->heads; i++) {
        const double sd = exp((double)p->log_sd[i]);
        const double z = ((double)action[i] - (double)said[i]) / sd;
        sum -= .5 * z * z + (double)p->log_sd[i] + .5 * ln_2pi;
        if (grad) {
            grad[i] = (float)(z / sd);
            grad[p->heads + i] = (float)(z * z - 1);
        }
    }
    return sum;
}

/* Generalised advantages, copy by copy from the last step to the first (Schulman et al. 2016). */
static void estimate(struct tr__ppo *p)
{
    const struct tr_ppo_recipe *r = &p->recipe;

    for (int c = 0; c < r->copies; c++) {
        double carried = 0;
        for (int t = r->steps_each - 1; t >= 0; t--) {
            const int i = c * r->steps_each + t;
            const double next = p->flags[i] & TR_ENV_TERMINATED ? 0 : (double)p->next_value[i];
            const double delta = (double)p->reward[i] + r->gamma * next - (double)p->value[i];
            if (p->flags[i] != 0) /* the next row is of another episode */
                carried = 0;
            carried = delta + r->gamma * r->lambda * carried;
            p->advantage[i] = (float)carried;
            p->target[i] = (float)(carried + (double)p->value[i]);
        }
    }
}

/* Rows of x (rows, ld) into a mini-batch. */
static void gather(const struct tr__ppo *p, const int *rows, int n, float *x)
{
    const size_t ld = (size_t)tr_mlp_ld(p->info->observation);

    for (int m = 0; m < n; m++)
        memcpy(x + (size_t)m * ld, p->x + (size_t)rows[m] * ld, ld * sizeof *x);
}

/* The gradient of the cut surrogate, averaged over the mini-batch. */
static void learn_actor(struct tr__ppo *p, const int *rows, int n)
{
    struct tr__net *net = &p->actor;
    const ptrdiff_t ld = tr_mlp_ld(p->heads);
    const int a = p->info->actions;
    const float *said = net->behind[net->mlp.layers - 1];
    float grad[2 * TR_MLP_WIDTH] = {0};
    double mean = 0, square = 0, sd;

    for (int m = 0; m < n; m++)
        mean += (double)p->advantage[rows[m]] / n;
    for (int m = 0; m < n; m++)
        square += ((double)p->advantage[rows[m]] - mean) * ((double)p->advantage[rows[m]] - mean);
    sd = sqrt(square / (n > 1 ? n - 1 : 1)) + 1e-8;
    gather(p, rows, n, net->x);
    tr_mlp_forward(&net->mlp, n, net->x, net->behind);
    for (int m = 0; m < n; m++) {
        const int i = rows[m];
        const double logp = tr__ppo_logp(p, said + m * ld, p->action + (ptrdiff_t)i * a, grad);
        const double ratio = exp(logp - (double)p->logp[i]),
                     gain = ((double)p->advantage[i] - mean) / sd;
        const double cut = fmax(1 - p->recipe.clip, fmin(1 + p->recipe.clip, ratio));
        const float scale = (float)(ratio * gain <= cut * gain ? -gain * ratio / n : 0);
        for (int k = 0; k < p->heads; k++)
            net->dy[m * ld + k] = scale * grad[k];
        for (int k = 0; p->log_sd && k < a; k++)
            p->sd_grads[k] += scale * grad[p->heads + k];
    }
    tr_mlp_backward(&net->mlp, n, net->x, net->behind, net->dy, net->grads, net->spare);
}

/* Half the mean squared error of values, times value_weight. */
static void learn_critic(struct tr__ppo *p, const int *rows, int n)
{
    struct tr__net *net = &p->critic;
    const ptrdiff_t ld = tr_mlp_ld(1);
    const float *said = net->behind[net->mlp.layers - 1];

    gather(p, rows, n, net->x);
    tr_mlp_forward(&net->mlp, n, net->x, net->behind);
    for (int m = 0; m < n; m++)
        net->dy[m * ld] = (float)(p->recipe.value_weight / n) * (said[m * ld] - p->target[rows[m]]);
    tr_mlp_backward(&net->mlp, n, net->x, net->behind, net->dy, net->grads, net->spare);
}

static void move(struct tr__ppo *p, struct tr__net *net, const struct tr_adamw_rates *rates)
{
    p->kernels->adamw(net->mlp.param_count, rates, net->mlp.params, net->grads, net->m, net->v);
    memset(net->grads, 0, net->mlp.param_count * sizeof *net->grads);
    tr_mlp_pack(&net->mlp, true);
}

/* ln sd has no place in a matrix: Adam in plain loops. */
static void move_deviations(struct tr__ppo *p, const struct tr_adamw_rates *r)
{
    for (int k = 0; p->log_sd && k < p->info->actions; k++) {
        const float g = p->sd_grads[k] * r->scale;
        p->sd_m[k] = r->beta1 * p->sd_m[k] + (1 - r->beta1) * g;
        p->sd_v[k] = r->beta2 * p->sd_v[k] + (1 - r->beta2) * g * g;
        p->log_sd[k] -= r->rate * p->sd_m[k] / (sqrtf(p->sd_v[k] * r->second) + r->eps);
        p->sd_grads[k] = 0;
    }
}

static double squares(const struct tr__ppo *p)
{
    double sum = p->kernels->sum_squares(p->actor.mlp.param_count, p->actor.grads) +
                 p->kernels->sum_squares(p->critic.mlp.param_count, p->critic.grads);

    for (int k = 0; p->log_sd && k < p->info->actions; k++)
        sum += (double)p->sd_grads[k] * (double)p->sd_grads[k];
    return sum;
}

/* One step of Adam on a mini-batch; actor and critic have a thread each where there are two. */
static rt_status learn(struct tr__ppo *p, const int *rows, int n, double rate, struct rt_err *err)
{
    /* NOLINTNEXTLINE(clang-analyzer-deadcode.DeadStores): the pragma reads it */
    const int threads = p->threads > 1 ? 2 : 1;
    struct tr_adamw_rates rates = {.beta1 = .9F, .beta2 = .999F, .eps = 1e-5F, .shrink = 1};
    double norm;

#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (int which = 0; which < 2; which++)
        if (which == 0)
            learn_actor(p, rows, n);
        else
            learn_critic(p, rows, n);
    norm = sqrt(squares(p));
    if (!isfinite(norm))
        return rt_fail(err, RT_ENAN, "%s: the gradient of PPO is not finite; a smaller rate helps",
                       p->info->name);
    p->adam_steps++;
    rates.scale = (float)(norm > p->recipe.norm ? p->recipe.norm / norm : 1);
    rates.rate = (float)(rate / (1 - pow(.9, (double)p->adam_steps)));
    rates.second = (float)(1 / (1 - pow(.999, (double)p->adam_steps)));
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (int which = 0; which < 2; which++)
        move(p, which == 0 ? &p->actor : &p->critic, &rates);
    move_deviations(p, &rates);
    return RT_OK;
}

rt_status tr__ppo_update(struct tr__ppo *p, int update, double done, struct rt_err *err)
{
    const struct tr_ppo_recipe *r = &p->recipe;

    estimate(p);
    for (int epoch = 0; epoch < r->epochs; epoch++) {
        struct rt_rng rng;
        for (int i = 0; i < p->rows; i++)
            p->order[i] = i;
        rt_rng_init(&rng, r->seed, RT_STREAM_PPO,
                    UINT64_C(1) << 60 | (uint64_t)update << 8 | (uint64_t)epoch);
        rt_rng_shuffle(&rng, p->order, (size_t)p->rows);
        for (int at = 0; at + r->batch <= p->rows; at += r->batch)
            RT_TRY(learn(p, p->order + at, r->batch, r->rate * (1 - done), err));
    }
    return RT_OK;
}
