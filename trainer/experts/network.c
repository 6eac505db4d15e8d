/* trainer/experts/network.c -- which tensors make a policy, and asking it. */
#include "trainer/experts/network.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/experts/mlp.h"
#include "trainer/export/tensor_file.h"

enum deviation { SD_NONE, SD_VECTOR, SD_LAYER, SD_LAYER_CLIPPED };

/* How one kind of file names what it has. */
struct dialect {
    const char *hidden; /* with a number, or names one after the other */
    const char *head;   /* NULL: the last of the numbered ones */
    const char *sd;
    enum deviation deviation; /* SD_VECTOR: ln sd; without the tensor it says logits */
    enum tr_env_labels says;
};

static const struct dialect dialects[] = {
    {"layers.", "mean", "log_std", SD_VECTOR, TR_LABELS_GAUSSIAN},
    {"mlp_extractor.policy_net.", "action_net", "log_std", SD_VECTOR, TR_LABELS_GAUSSIAN},
    {"actor.latent_pi.", "actor.mu", "actor.log_std", SD_LAYER_CLIPPED, TR_LABELS_TANH},
    {"actor_mean.", NULL, "actor_logstd", SD_VECTOR, TR_LABELS_GAUSSIAN},
    {"actor.", NULL, NULL, SD_NONE, TR_LABELS_LOGITS},
    {"fc", "fc_mean", "fc_logstd", SD_LAYER, TR_LABELS_TANH},
    {"q_net.q_net.", NULL, NULL, SD_NONE, TR_LABELS_Q},
    {"network.", NULL, NULL, SD_NONE, TR_LABELS_Q},
};
enum { dialect_count = sizeof dialects / sizeof *dialects, most_number = 64, chunk = 16 };

struct network {
    struct rt_arena arena;
    struct tr_mlp mlp;
    int actions;
    const struct dialect *dialect;
    float *log_sd;       /* SD_VECTOR: [actions] */
    bool raw;            /* reads as it is */
    double *mean, *rate; /* [observation] of the statistics */
    double clip;
};

struct source { /* a file that is being read */
    const char *path;
    struct tr_tensor_file file;
    const struct dialect *dialect;
    char name[TR_MLP_LAYERS][64]; /* of the layers, without .weight */
    int layers;
    double clip, epsilon; /* of the statistics */
};

static bool find_part(const struct source *s, const char *layer, const char *part,
                      struct tr_stored *tensor)
{
    char name[96];

    (void)snprintf(name, sizeof name, "%s.%s", layer, part);
    return tr_tensor_file_find(&s->file, name, tensor);
}

/* Numbered layers, wherever the numbers have gaps (activations have none of their own). */
static rt_status find_layers(struct source *s, struct rt_err *err)
{
    const struct dialect *d = s->dialect;
    struct tr_stored tensor;

    s->layers = 0;
    for (int i = 0; i < most_number; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%s%d", d->hidden, i);
        if (!find_part(s, name, "weight", &tensor))
            continue;
        if (s->layers == TR_MLP_LAYERS - (d->head ? 1 : 0))
            return rt_fail(err, RT_EFORMAT, "'%s' has more than %d layers", s->path, TR_MLP_LAYERS);
        (void)snprintf(s->name[s->layers++], sizeof *s->name, "%s", name);
    }
    if (d->head)
        (void)snprintf(s->name[s->layers++], sizeof *s->name, "%s", d->head);
    return RT_OK;
}

static rt_status find_dialect(struct source *s, struct rt_err *err)
{
    struct tr_stored tensor;

    for (int i = 0; i < dialect_count; i++) {
        s->dialect = &dialects[i];
        RT_TRY(find_layers(s, err));
        if (s->layers > 0 && find_part(s, s->name[s->layers - 1], "weight", &tensor))
            return RT_OK;
    }
    return rt_fail(err, RT_EFORMAT,
                   "'%s' has no policy: neither layers.N and mean, nor names of Stable-Baselines3 "
                   "or CleanRL; see examples/policy/convert.py",
                   s->path);
}

/* The values of a tensor of `count` numbers; NULL with a message for anything else. */
static const struct tr_stored *expect(const struct source *s, const char *name, int64_t rows,
                                      int64_t columns, struct tr_stored *tensor, struct rt_err *err)
{
    if (!tr_tensor_file_find(&s->file, name, tensor)) {
        rt_report(err, RT_EFORMAT, "'%s' has no tensor '%s'", s->path, name);
        return NULL;
    }
    if (tensor->type != TR_STORED_F32) {
        rt_report(err, RT_EFORMAT, "tensor '%s' in '%s' is not F32", name, s->path);
        return NULL;
    }
    if (tensor->count != (size_t)(rows * columns)) {
        rt_report(err, RT_ESHAPE, "tensor '%s' in '%s' has %zu numbers, and %lld x %lld are needed",
                  name, s->path, tensor->count, (long long)rows, (long long)columns);
        return NULL;
    }
    return tensor;
}

static rt_status read_values(const struct source *s, const char *name, int64_t rows,
                             int64_t columns, float *values, struct rt_err *err)
{
    struct tr_stored tensor;

    if (!expect(s, name, rows, columns, &tensor, err))
        return err ? err->code : RT_EFORMAT;
    memcpy(values, tensor.values, tensor.count * sizeof *values);
    for (size_t i = 0; i < tensor.count; i++)
        if (!isfinite(values[i]))
            return rt_fail(err, RT_ENAN, "tensor '%s' in '%s' is not finite at %zu", name, s->path,
                           i);
    return RT_OK;
}

/* Sizes by the weights' shapes; each layer reads what the one before gives. */
static rt_status read_sizes(const struct source *s, struct tr_mlp *mlp, struct rt_err *err)
{
    for (int l = 0; l < s->layers; l++) {
        struct tr_stored weight;
        if (!find_part(s, s->name[l], "weight", &weight) || weight.dims != 2)
            return rt_fail(err, RT_EFORMAT, "'%s' has no matrix '%s.weight'", s->path, s->name[l]);
        if (weight.shape[0] > TR_MLP_WIDTH || weight.shape[1] > TR_MLP_WIDTH)
            return rt_fail(err, RT_ESHAPE, "'%s.weight' in '%s' is wider than %d", s->name[l],
                           s->path, TR_MLP_WIDTH);
        if (l > 0 && weight.shape[1] != mlp->size[l])
            return rt_fail(err, RT_ESHAPE, "'%s.weight' in '%s' reads %lld numbers, but %d come in",
                           s->name[l], s->path, (long long)weight.shape[1], mlp->size[l]);
        mlp->size[l] = (int)weight.shape[1];
        mlp->size[l + 1] = (int)weight.shape[0];
    }
    mlp->layers = s->layers;
    return RT_OK;
}

/* Does it fit the environment, and what does it say of it? */
static rt_status fit(const struct source *s, const struct tr_env_info *info, struct network *net,
                     struct tr_expert *e, struct rt_err *err)
{
    const int says = net->mlp.size[net->mlp.layers],
              want = info->choices ? info->choices : info->actions;
    struct tr_stored tensor;

    if (net->mlp.size[0] != info->observation)
        return rt_fail(err, RT_ESHAPE, "the policy in '%s' reads %d numbers, %s has %d", s->path,
                       net->mlp.size[0], info->name, info->observation);
    if (says != want)
        return rt_fail(err, RT_ESHAPE, "the policy in '%s' says %d numbers, %s has %d %s", s->path,
                       says, info->name, want, info->choices ? "choices" : "components of actions");
    e->says = s->dialect->says;
    if (s->dialect->deviation == SD_VECTOR &&
        !tr_tensor_file_find(&s->file, s->dialect->sd, &tensor))
        e->says = TR_LABELS_LOGITS;
    if ((e->says == TR_LABELS_LOGITS || e->says == TR_LABELS_Q) != (info->choices > 0))
        return rt_fail(err, RT_ESHAPE, "the policy in '%s' is of %s actions, those of %s are not",
                       s->path, info->choices ? "continuous" : "discrete", info->name);
    net->actions = want;
    e->observation = info->observation;
    e->numbers = info->choices ? want : 2 * want;
    return RT_OK;
}

static rt_status positive_note(const struct source *s, const char *key, double otherwise,
                               double *value, struct rt_err *err)
{
    const char *text = tr_tensor_file_note(&s->file, key);
    char *end = NULL;

    *value = otherwise;
    if (!text)
        return RT_OK;
    errno = 0;
    *value = strtod(text, &end);
    if (end == text || *end || errno || !(*value > 0) || !isfinite(*value))
        return rt_fail(err, RT_EFORMAT, "note '%s' of '%s' is no number above 0", key, s->path);
    return RT_OK;
}

static rt_status read_notes(struct source *s, struct network *net, struct tr_expert *e,
                            struct rt_err *err)
{
    const char *act = tr_tensor_file_note(&s->file, "activation");
    const char *squash = tr_tensor_file_note(&s->file, "squash");

    if (!act || (strcmp(act, "tanh") != 0 && strcmp(act, "relu") != 0))
        return rt_fail(err, RT_EFORMAT,
                       "'%s' does not say in its metadata whether `activation` is tanh or relu",
                       s->path);
    net->mlp.activation = strcmp(act, "tanh") == 0 ? TR_ACT_TANH : TR_ACT_RELU;
    if (squash && strcmp(squash, "none") != 0 && strcmp(squash, "tanh") != 0)
        return rt_fail(err, RT_EFORMAT, "note 'squash' of '%s' is neither none nor tanh", s->path);
    if (squash && e->says == TR_LABELS_GAUSSIAN && strcmp(squash, "tanh") == 0)
        e->says = TR_LABELS_TANH;
    RT_TRY(positive_note(s, "obs_clip", 10, &s->clip, err));
    return positive_note(s, "obs_epsilon", 1e-8, &s->epsilon, err);
}

static bool has_sd_layer(const struct network *net)
{
    return net->dialect->deviation == SD_LAYER || net->dialect->deviation == SD_LAYER_CLIPPED;
}

/* Deviations of Gaussians are a tensor of their own, the same for all states. */
static bool has_sd_vector(const struct network *net, const struct tr_expert *e)
{
    return !has_sd_layer(net) && e->says != TR_LABELS_LOGITS && e->says != TR_LABELS_Q;
}

static rt_status read_statistics(const struct source *s, struct network *net, struct tr_expert *e,
                                 struct rt_err *err)
{
    const size_t o = (size_t)e->observation;
    struct tr_stored tensor;
    float values[TR_MLP_WIDTH];

    e->raw = net->raw = !tr_tensor_file_find(&s->file, "obs_mean", &tensor);
    net->clip = s->clip;
    if (e->raw)
        return RT_OK;
    RT_TRY(read_values(s, "obs_mean", 1, e->observation, values, err));
    for (size_t i = 0; i < o; i++)
        net->mean[i] = (double)values[i];
    RT_TRY(read_values(s, "obs_var", 1, e->observation, values, err));
    for (size_t i = 0; i < o; i++) {
        if (values[i] < 0)
            return rt_fail(err, RT_EFORMAT, "tensor 'obs_var' in '%s' is below 0 at %zu", s->path,
                           i);
        net->rate[i] = 1 / sqrt((double)values[i] + s->epsilon);
    }
    return RT_OK;
}

/* CleanRL's SAC says how tanh is stretched: it must be onto the limits, as here. */
static rt_status check_stretch(const struct source *s, const struct tr_env_info *info,
                               struct rt_err *err)
{
    float scale[TR_MLP_WIDTH] = {0}, bias[TR_MLP_WIDTH] = {0};
    struct tr_stored tensor;

    if (!tr_tensor_file_find(&s->file, "action_scale", &tensor))
        return RT_OK;
    RT_TRY(read_values(s, "action_scale", 1, info->actions, scale, err));
    RT_TRY(read_values(s, "action_bias", 1, info->actions, bias, err));
    for (int i = 0; i < info->actions; i++)
        if (fabs((double)scale[i] - (info->high[i] - info->low[i]) / 2) > 1e-5 ||
            fabs((double)bias[i] - (info->high[i] + info->low[i]) / 2) > 1e-5)
            return rt_fail(err, RT_ESHAPE,
                           "action_scale and action_bias in '%s' are not those of component %d of "
                           "%s: [%g, %g]",
                           s->path, i, info->name, info->low[i], info->high[i]);
    return RT_OK;
}

static rt_status read_layer(const struct source *s, const char *layer, int out, int in,
                            float *weight, float *bias, struct rt_err *err)
{
    char name[96];

    (void)snprintf(name, sizeof name, "%s.weight", layer);
    RT_TRY(read_values(s, name, out, in, weight, err));
    (void)snprintf(name, sizeof name, "%s.bias", layer);
    return read_values(s, name, 1, out, bias, err);
}

/* The head of the deviations stands behind that of the means, in one matrix. */
static rt_status read_params(const struct source *s, struct network *net, struct rt_err *err)
{
    struct tr_mlp *mlp = &net->mlp;
    const int last = mlp->layers - 1;

    for (int l = 0; l <= last; l++) {
        const int in = mlp->size[l], out = mlp->size[l + 1];
        float *weight = mlp->params + mlp->offset[l], *bias = weight + (size_t)in * (size_t)out;
        if (l == last && has_sd_layer(net)) {
            RT_TRY(read_layer(s, net->dialect->sd, net->actions, in,
                              weight + (size_t)in * (size_t)net->actions, bias + net->actions,
                              err));
            RT_TRY(read_layer(s, s->name[l], net->actions, in, weight, bias, err));
        } else {
            RT_TRY(read_layer(s, s->name[l], out, in, weight, bias, err));
        }
    }
    if (net->log_sd)
        RT_TRY(read_values(s, net->dialect->sd, 1, net->actions, net->log_sd, err));
    tr_mlp_pack(mlp, false);
    return RT_OK;
}

static void release(void *self)
{
    struct network *net = self;

    rt_arena_release(&net->arena);
    free(net);
}

/* ln sd of what a layer says. */
static double deviation(const struct dialect *d, double v)
{
    if (d->deviation == SD_LAYER_CLIPPED)
        return fmax(-20, fmin(2, v));
    return -5 + 3.5 * (tanh(v) + 1);
}

/* x (rows, observation) of observations, as the network was trained on them. */
static void normalise(const struct network *net, const double *observation, int rows, float *x)
{
    const int o = net->mlp.size[0];

    for (int r = 0; r < rows; r++, x += tr_mlp_ld(o))
        for (int i = 0; i < o; i++) {
            double v = observation[(ptrdiff_t)r * o + i];
            if (!net->raw)
                v = fmax(-net->clip, fmin(net->clip, (v - net->mean[i]) * net->rate[i]));
            x[i] = (float)v;
        }
}

/* observation (n, o) -> out (n, numbers), a few rows at a time on the stack. */
static void answer(const void *self, const double *observation, int n, double *out)
{
    const struct network *net = self;
    const int o = net->mlp.size[0], said = net->mlp.size[net->mlp.layers], a = net->actions;
    float buffer[2][chunk * TR_MLP_WIDTH + TR_SLACK], *behind[TR_MLP_LAYERS];

    for (int l = 0; l < net->mlp.layers; l++)
        behind[l] = buffer[(l + 1) % 2];
    for (int at = 0; at < n; at += chunk) {
        const int rows = n - at < chunk ? n - at : chunk;
        const float *y = behind[net->mlp.layers - 1];
        normalise(net, observation + (ptrdiff_t)at * o, rows, buffer[0]);
        tr_mlp_forward(&net->mlp, rows, buffer[0], behind);
        for (int r = 0; r < rows; r++, y += tr_mlp_ld(said)) {
            for (int i = 0; i < a; i++)
                /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): written by mlp */
                *out++ = (double)y[i];
            for (int i = 0; i < a && net->dialect->says != TR_LABELS_Q; i++)
                if (net->log_sd)
                    *out++ = (double)net->log_sd[i];
                else if (has_sd_layer(net))
                    /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): written by mlp */
                    *out++ = deviation(net->dialect, (double)y[a + i]);
        }
    }
}

/* All that a network keeps, out of an arena that may be counting. */
static void carve(struct network *net, const struct tr_expert *e, const struct tr_kernels *kernels,
                  struct rt_arena *arena)
{
    tr_mlp_init(&net->mlp, kernels, arena);
    net->mean = rt_arena_zalloc(arena, (size_t)e->observation, sizeof *net->mean);
    net->rate = rt_arena_zalloc(arena, (size_t)e->observation, sizeof *net->rate);
    if (has_sd_vector(net, e))
        net->log_sd = rt_arena_zalloc(arena, (size_t)net->actions, sizeof *net->log_sd);
}

/* What fits is known; weights and statistics are read. */
static rt_status fill(const struct source *s, const struct tr_env_info *info, struct network *net,
                      struct tr_expert *e, const struct tr_kernels *kernels, struct rt_err *err)
{
    struct rt_arena counting;

    if (has_sd_layer(net))
        net->mlp.size[net->mlp.layers] *= 2;
    rt_arena_init_counting(&counting);
    carve(net, e, kernels, &counting);
    RT_TRY(rt_arena_init(&net->arena, counting.used, err));
    carve(net, e, kernels, &net->arena);
    RT_TRY(rt_arena_check(&net->arena, s->path, err));
    RT_TRY(read_statistics(s, net, e, err));
    RT_TRY(read_params(s, net, err));
    if (e->says == TR_LABELS_TANH)
        RT_TRY(check_stretch(s, info, err));
    e->params = (int64_t)net->mlp.param_count + (net->log_sd ? net->actions : 0);
    e->tau = .01; /* of values: Rusu et al. */
    e->weight = 1;
    rt_hash_bytes(s->file.map.data, s->file.map.bytes, e->hash);
    return RT_OK;
}

static rt_status read_network(struct source *s, const struct tr_env_info *info, struct network *net,
                              struct tr_expert *e, const struct tr_kernels *kernels,
                              struct rt_err *err)
{
    RT_TRY(find_dialect(s, err));
    net->dialect = s->dialect;
    RT_TRY(read_sizes(s, &net->mlp, err));
    RT_TRY(fit(s, info, net, e, err));
    RT_TRY(read_notes(s, net, e, err));
    return fill(s, info, net, e, kernels, err);
}

rt_status tr_expert_network(struct tr_expert *expert, const char *path,
                            const struct tr_env_info *info, const struct tr_kernels *kernels,
                            struct rt_err *err)
{
    struct source s = {.path = path};
    struct tr_expert e = {.answer = answer, .release = release};
    struct network *net = calloc(1, sizeof *net);
    struct rt_err own = {0};
    rt_status rc;

    if (!net)
        return rt_fail(err, RT_ENOMEM, "no memory to open '%s'", path);
    if ((rc = tr_tensor_file_open(&s.file, path, &own)) == RT_OK) {
        rc = read_network(&s, info, net, &e, kernels, &own);
        tr_tensor_file_close(&s.file);
    }
    if (rc != RT_OK) {
        release(net);
        if (err)
            *err = own;
        return rc;
    }
    e.self = net;
    *expert = e;
    return RT_OK;
}
