/* trainer/task/policy/policy.c -- see policy.h: the task, its batches, and the environments that it lends.
 */
#include "trainer/task/policy/policy.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/task/policy/policy_internal.h"

/* ---- batches ---- */

void tr__policy_history(const struct tr_policy *policy, const struct tr__states *states, int row,
                        int history, float *out)
{
    const int f = policy->features, past = states->step[row];

    for (int k = 0; k < history; k++, out += f) {
        const int back = history - 1 - k < past ? history - 1 - k : past;
        const float *seen = states->seen + (ptrdiff_t)(row - back) * f;
        for (int i = 0; i < f; i++) {
            const float x = (seen[i] - policy->mean[i]) * policy->scale[i];
            out[i] = x > TR_CONTROLLER_CUT    ? TR_CONTROLLER_CUT
                     : x < -TR_CONTROLLER_CUT ? -TR_CONTROLLER_CUT
                                              : x;
        }
    }
}

void tr__policy_pixels(const struct tr_policy *policy, const uint8_t *frame, float *out)
{
    tr_pixels_enter(policy->value, (size_t)policy->frame, frame, out);
}

void tr__policy_example(const struct tr_policy *policy, const struct tr__states *states, int row,
                        int numbers, float *out)
{
    if (policy->frame)
        tr__policy_pixels(policy, states->frame + (ptrdiff_t)row * policy->frame, out);
    else
        tr__policy_history(policy, states, row, numbers / policy->features, out);
}

void tr__policy_copy(const struct tr_policy *policy, const struct tr__states *states,
                     ptrdiff_t from, const struct tr__states *others, ptrdiff_t to)
{
    const ptrdiff_t f = policy->features, said = tr__said_floats(policy), frame = policy->frame;

    if (f)
        memcpy(others->seen + to * f, states->seen + from * f, (size_t)f * sizeof(float));
    if (frame)
        memcpy(others->frame + to * frame, states->frame + from * frame, (size_t)frame);
    memcpy(others->said + to * said, states->said + from * said, (size_t)said * sizeof(float));
    others->step[to] = states->step[from];
}

static void fill(const struct tr_task *task, const int *rows, int n, struct tr_batch *batch)
{
    const struct tr_policy *p = tr__policy_of(task);

    assert(tr_policy_gathered(task) && n <= batch->room);
    assert(!p->frame || batch->numbers == p->frame);
    tr_batch_resize(batch, n, NULL);
    for (int i = 0; i < n; i++) {
        assert(rows[i] >= 0 && rows[i] < task->rows);
        tr__policy_example(p, &p->base, rows[i], batch->numbers,
                           batch->values + (ptrdiff_t)i * batch->numbers);
    }
    for (int i = 0; i < batch->answers; i++)
        batch->label[i] = -1;
}

/* ---- what weights need ---- */

enum { number_text = 20 };

/* n texts of at most `room` bytes each, by print(), with `between` between them; the caller frees it. */
static char *list_text(const struct tr_policy *p, int n, size_t room, const char *between,
                       void (*print)(const struct tr_policy *p, int i, char *text, size_t room))
{
    char *text = calloc((size_t)n + 1, room + 1);
    size_t used = 0;

    for (int i = 0; text && i < n; i++) {
        if (i)
            used += (size_t)snprintf(text + used, room + 1, "%s", between);
        print(p, i, text + used, room);
        used += strlen(text + used);
    }
    return text;
}

static void print_mean(const struct tr_policy *p, int i, char *text, size_t room)
{
    (void)snprintf(text, room, "%.9g", (double)p->mean[i]);
}

static void print_scale(const struct tr_policy *p, int i, char *text, size_t room)
{
    (void)snprintf(text, room, "%.9g", (double)p->scale[i]);
}

static void print_low(const struct tr_policy *p, int i, char *text, size_t room)
{
    (void)snprintf(text, room, "%.9g", p->info->low[i]);
}

static void print_high(const struct tr_policy *p, int i, char *text, size_t room)
{
    (void)snprintf(text, room, "%.9g", p->info->high[i]);
}

static void print_component(const struct tr_policy *p, int i, char *text, size_t room)
{
    (void)snprintf(text, room, "%d", p->observed.component[i]);
}

static void print_number_name(const struct tr_policy *p, int i, char *text, size_t room)
{
    assert(room >= TR_ENV_NAME);
    tr_env_number_name(p->env, false, p->observed.component[i], text);
    (void)room;
}

static void print_action_name(const struct tr_policy *p, int i, char *text, size_t room)
{
    assert(room >= TR_ENV_NAME);
    tr_env_number_name(p->env, true, i, text);
    (void)room;
}

/* The least and the most that was seen in the task's rows. */
static void print_least(const struct tr_policy *p, int i, char *text, size_t room)
{
    float least = p->base.seen[i];

    for (ptrdiff_t r = 1; r < p->task.rows; r++)
        least = fminf(least, p->base.seen[r * p->features + i]);
    (void)snprintf(text, room, "%.9g", (double)least);
}

static void print_most(const struct tr_policy *p, int i, char *text, size_t room)
{
    float most = p->base.seen[i];

    for (ptrdiff_t r = 1; r < p->task.rows; r++)
        most = fmaxf(most, p->base.seen[r * p->features + i]);
    (void)snprintf(text, room, "%.9g", (double)most);
}

static const struct listed {
    const char *key, *between;
    enum { OF_FEATURES, OF_OBSERVED, OF_LIMITS, OF_ACTIONS } of; /* LIMITS: not of choices */
    size_t room;
    void (*print)(const struct tr_policy *p, int i, char *text, size_t room);
} lists[] = {{"feature_mean", " ", OF_FEATURES, number_text, print_mean},
             {"feature_scale", " ", OF_FEATURES, number_text, print_scale},
             {"observe", " ", OF_OBSERVED, number_text, print_component},
             {"observation_names", "; ", OF_OBSERVED, TR_ENV_NAME, print_number_name},
             {"observation_least", " ", OF_OBSERVED, number_text, print_least},
             {"observation_most", " ", OF_OBSERVED, number_text, print_most},
             {"action_names", "; ", OF_ACTIONS, TR_ENV_NAME, print_action_name},
             {"action_low", " ", OF_LIMITS, number_text, print_low},
             {"action_high", " ", OF_LIMITS, number_text, print_high}};

static void note_lists(const struct tr_policy *p, void *to,
                       void (*note)(void *to, const char *key, const char *value))
{
    const int counts[] = {[OF_FEATURES] = p->features,
                          [OF_OBSERVED] = p->observed.count,
                          [OF_LIMITS] = p->actions.choice ? 0 : p->actions.parts,
                          [OF_ACTIONS] = p->actions.parts};

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const struct listed *l = &lists[i];
        char *text =
            counts[l->of] ? list_text(p, counts[l->of], l->room, l->between, l->print) : NULL;
        if (text)
            note(to, l->key, text);
        free(text);
    }
}

static void describe(const struct tr_task *task, void *to,
                     void (*note)(void *to, const char *key, const char *value))
{
    static const char *const grids[] = {[TR_GRID_ENDS] = "ends", [TR_GRID_INNER] = "inner"};
    static const char *const reads[] = {
        [TR_READ_MEAN] = "mean", [TR_READ_MODE] = "mode", [TR_READ_SAMPLE] = "sample"};
    const struct tr_policy *p = tr__policy_of(task);
    char number[24];

    note(to, "environment", p->info->name);
    if (p->frame) {
        tr_pixels_describe(&p->pixels, &task->shape, to, note);
    } else {
        (void)snprintf(number, sizeof number, "%d", p->features);
        note(to, "features", number);
        note(to, "previous_action", p->observed.previous_action ? "yes" : "no");
    }
    (void)snprintf(number, sizeof number, "%d", p->actions.parts);
    note(to, "parts", number);
    note(to, "read", reads[p->options.read]);
    if (!p->actions.choice)
        note(to, "grid", grids[p->actions.grid]);
    (void)snprintf(number, sizeof number, "%.9g", p->info->seconds);
    if (p->info->seconds > 0)
        note(to, "seconds", number);
    note_lists(p, to, note);
}

static rt_status recall(const struct tr_notes *notes, const struct space_arch *arch,
                        struct space_shape *shape, struct tr_input *input, struct rt_err *err)
{
    struct tr_controller *controller;

    RT_TRY(tr_controller_recall(notes, shape, &controller, err));
    if (tr_controller_frames(controller)) {
        const rt_status rc = tr_pixels_recall(notes, arch, shape, input, err);
        input->controller = controller; /* the model's, whatever came of it */
        return rc;
    }
    *input = (struct tr_input){.name = "observation",
                               .dims = 1,
                               .shape = {controller->observed},
                               .controller = controller};
    return space_arch_check(arch, shape, err);
}

/* ---- environments ---- */

rt_status tr__policy_borrow(const struct tr_policy *policy, struct tr_env_batch **batch,
                            struct rt_err *err)
{
    struct tr_policy *self = (struct tr_policy *)policy; /* what the lock is for */

    *batch = NULL;
    (void)pthread_mutex_lock(&self->lock);
    if (self->idle_count > 0)
        *batch = self->idle[--self->idle_count];
    (void)pthread_mutex_unlock(&self->lock);
    return *batch ? RT_OK : tr_env_batch_open(batch, policy->env, policy->copies, err);
}

void tr__policy_return(const struct tr_policy *policy, struct tr_env_batch *batch, bool failed)
{
    struct tr_policy *self = (struct tr_policy *)policy;
    bool kept = false;

    (void)pthread_mutex_lock(&self->lock);
    if (!failed && self->idle_count < TR__IDLE) {
        self->idle[self->idle_count++] = batch;
        kept = true;
    }
    (void)pthread_mutex_unlock(&self->lock);
    if (!kept)
        tr_env_batch_close(batch);
}

/* ---- opening ---- */

static void close_policy(struct tr_task *task)
{
    struct tr_policy *p = (struct tr_policy *)task;

    while (p->idle_count > 0)
        tr_env_batch_close(p->idle[--p->idle_count]);
    for (int k = 0; k < p->experts; k++)
        tr_expert_release(&p->expert[k]);
    tr_env_close(p->env);
    tr_split_release(&task->split);
    rt_arena_release(&p->kept);
    tr__scores_release(&p->scores);
    tr__scores_release(&p->test);
    free((void *)p->observed.component);
    free(p->mean);
    free(p->scale);
    (void)pthread_mutex_destroy(&p->lock);
    (void)pthread_mutex_destroy(&p->ask);
    free(p);
}

static rt_status make_observed(struct tr_policy *p, struct rt_err *err)
{
    const struct tr_policy_options *o = &p->options;
    const int all = p->info->observation, count = o->observe_count ? o->observe_count : all;
    int *component = malloc((size_t)count * sizeof *component);

    if (!component)
        return rt_fail(err, RT_ENOMEM, "no memory for what a student sees");
    p->observed = (struct tr_observed){
        .count = count, .component = component, .previous_action = o->previous_action};
    for (int i = 0; i < count; i++) {
        component[i] = o->observe_count ? o->observe[i] : i;
        if (component[i] < 0 || component[i] >= all)
            return rt_fail(err, RT_EARG, "environment.observe: '%s' has components 0 to %d, not %d",
                           p->info->name, all - 1, component[i]);
        if (i && component[i] <= component[i - 1])
            return rt_fail(err, RT_EARG,
                           "environment.observe: %d stands behind %d; give each component once, in "
                           "rising order",
                           component[i], component[i - 1]);
    }
    p->features = tr_observed_size(&p->observed, p->info);
    p->mean = calloc((size_t)p->features, sizeof *p->mean);
    p->scale = calloc((size_t)p->features, sizeof *p->scale);
    if (!p->mean || !p->scale)
        return rt_fail(err, RT_ENOMEM, "no memory for what a student sees");
    for (int i = 0; i < p->features; i++)
        p->scale[i] = 1;
    return RT_OK;
}

/* In place of numbers: mean and scale have no place for any. */
static rt_status make_seen(struct tr_policy *p, struct rt_err *err)
{
    const int *pixels = p->info->pixels;

    if (!p->options.pixels)
        return make_observed(p, err);
    if (!pixels[0])
        return rt_fail(err, RT_EARG,
                       "space.patch: '%s' shows no pixels; give history in place of patch",
                       p->info->name);
    if (p->options.observe_count)
        return rt_fail(err, RT_EARG,
                       "environment.observe: students with patches see pixels, no numbers; leave "
                       "it out");
    if ((int64_t)pixels[0] * pixels[1] > INT32_MAX / pixels[2])
        return rt_fail(err, RT_EARG, "environment: frames of %dx%dx%d bytes are too large",
                       pixels[0], pixels[1], pixels[2]);
    p->frame = pixels[0] * pixels[1] * pixels[2];
    return RT_OK;
}

/* As many copies as fit into so much memory, within bounds. */
static int choose_copies(const struct tr_env *env)
{
    const size_t room = (size_t)16 << 20, one = tr_env_batch_bytes(env, 1);
    const size_t fit = one ? room / one : TR__COPIES;

    return fit < 4 ? 4 : fit > TR__COPIES ? TR__COPIES : (int)fit;
}

static rt_status open_policy(struct tr_policy *p, enum space_pool pool, struct rt_err *err)
{
    const struct tr_policy_options *o = &p->options;

    RT_TRY(tr_env_open(&p->env, &o->environment, err));
    p->info = tr_env_info(p->env);
    RT_TRY(tr_actions_of(&p->actions, p->info, o->bins, o->grid, 1, err));
    RT_TRY(make_seen(p, err));
    p->copies = choose_copies(p->env);
    p->task.shape = (struct space_shape){.features = p->features,
                                         .classes = p->actions.bins,
                                         .parts = p->actions.parts,
                                         .pool = pool};
    if (p->frame) {
        p->task.shape.height = p->info->pixels[0];
        p->task.shape.width = p->info->pixels[1];
        p->task.shape.channels = p->info->pixels[2];
    }
    return RT_OK;
}

rt_status tr_policy_task(struct tr_task **task, const struct tr_policy_options *options,
                         enum space_pool pool, struct rt_err *err)
{
    struct tr_policy *self = calloc(1, sizeof *self);
    rt_status rc;

    if (!self)
        return rt_fail(err, RT_ENOMEM, "no memory for a task of policies");
    *self = (struct tr_policy){.task = {.kind = &tr_task_policy}, .options = *options};
    (void)pthread_mutex_init(&self->lock, NULL);
    (void)pthread_mutex_init(&self->ask, NULL);
    if ((rc = open_policy(self, pool, err)))
        close_policy(&self->task);
    else
        *task = &self->task;
    return rc;
}

/* ---- for others ---- */

bool tr_policy_gathered(const struct tr_task *task)
{
    return task->rows > 0;
}

const float *tr_policy_said(const struct tr_task *task, int row, int k)
{
    const struct tr_policy *p = tr__policy_of(task);

    assert(row >= 0 && row < task->rows && k >= 0 && k < p->experts);
    return p->base.said + row * tr__said_floats(p) + (ptrdiff_t)k * p->actions.bins;
}

const struct tr_env *tr_policy_environment(const struct tr_task *task)
{
    return tr__policy_of(task)->env;
}

const struct tr_actions *tr_policy_actions(const struct tr_task *task)
{
    return &tr__policy_of(task)->actions;
}

const struct tr_expert *tr_policy_expert(const struct tr_task *task, int k)
{
    const struct tr_policy *p = tr__policy_of(task);

    assert(k >= 0 && k < p->experts);
    return &p->expert[k];
}

const struct tr_policy_scores *tr_policy_scores(const struct tr_task *task)
{
    return &tr__policy_of(task)->scores;
}

double tr_policy_rounds_share(const struct tr_task *task)
{
    const struct tr_policy_options *o = &tr__policy_of(task)->options;

    return o->rollouts.regenerate
               ? 0
               : (double)(o->rollouts.rounds - 1) * o->rollouts.episodes / o->episodes;
}

const struct tr_task_kind tr_task_policy = {
    .name = "policy",
    .fill = fill,
    .describe = describe,
    .measures = tr_policy_measures,
    .recall = recall,
    .act = tr__policy_act,
    .act_as = tr__policy_act_as,
    .feed = &tr__policy_feed,
    .close = close_policy,
};
