/* cli/study_policy.c -- the task `policy`: what a study says of an environment, of the actions in it, and
 * of the episodes that students learn from; and the study of `retort init policy`, which runs as it is.
 */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli/study.h"
#include "trainer/env/mujoco.h"
#include "trainer/task/npy.h"
#include "trainer/task/policy/policy.h"

enum { POLICY_ARGUMENTS = 16, POLICY_ARGUMENT = 256, POLICY_TERMS = 1024 };

struct policy_block {
    struct {
        char name[64], model[RT_PATH_MAX];
        int command_count;
        char command[POLICY_ARGUMENTS][POLICY_ARGUMENT];
        double hello_timeout, step_timeout;
        struct {
            int skip;
            char observation[POLICY_TERMS], reward[POLICY_TERMS], healthy[POLICY_TERMS];
            double start_qpos, start_qvel;
            bool start_normal;
        } mujoco;
        struct {
            char observations[RT_PATH_MAX], actions[RT_PATH_MAX], labels[RT_PATH_MAX];
            char ends[RT_PATH_MAX];
            int says;
        } recorded;
        int observe_count, observe[TR_POLICY_MOST_OBSERVED];
        bool previous_action;
        int horizon;
        double success, success_return;
    } environment;
    struct {
        int bins, grid, read;
    } actions;
    struct {
        int base, rounds, episodes, regenerate, keep, drive, mode, replay;
        double beta, perturb, alpha, importance;
    } rollouts;
    struct {
        int episodes, test_episodes;
    } evaluate;
    uint64_t seed;
};
_Static_assert(sizeof(struct policy_block) <= STUDY_BLOCK_BYTES, "a study has room for it");

#define IN(member) STUDY_AT(struct policy_block, member)
#define SHAPE(member) STUDY_AT(struct space, shape.member)

enum { most_episodes = 100000, most_steps = 1000000 };

static const char *const grids[] = {[TR_GRID_ENDS] = "ends", [TR_GRID_INNER] = "inner", NULL};
static const char *const reads[] = {
    [TR_READ_MEAN] = "mean", [TR_READ_MODE] = "mode", [TR_READ_SAMPLE] = "sample", NULL};
static const char *const drives[] = {
    [TR_DRIVE_MIX] = "mix", [TR_DRIVE_TEACHER] = "teacher", [TR_DRIVE_STUDENT] = "student", NULL};
static const char *const modes[] = {[TR_PERTURB_EXEC] = "exec", [TR_PERTURB_LABEL] = "label", NULL};
static const char *const replays[] = {
    [TR_REPLAY_UNIFORM] = "uniform", [TR_REPLAY_PER] = "per", NULL};

static const struct study_key mujoco_keys[] = {
    {"skip", STUDY_INT, IN(environment.mujoco.skip), 1, 10000},
    {"observation", STUDY_TEXT, IN(environment.mujoco.observation), .required = true},
    {"reward", STUDY_TEXT, IN(environment.mujoco.reward), .required = true},
    {"healthy", STUDY_TEXT, IN(environment.mujoco.healthy)},
    {"start_qpos", STUDY_REAL, IN(environment.mujoco.start_qpos), 0, 1e6},
    {"start_qvel", STUDY_REAL, IN(environment.mujoco.start_qvel), 0, 1e6},
    {"start_normal", STUDY_BOOL, IN(environment.mujoco.start_normal)},
    {.key = NULL}};

static const char *const label_kinds[] = {
    [TR_LABELS_NONE] = "none", [TR_LABELS_GAUSSIAN] = "gaussian",
    [TR_LABELS_TANH] = "tanh", [TR_LABELS_LOGITS] = "logits",
    [TR_LABELS_Q] = "q",       NULL};

static const struct study_key recorded_keys[] = {
    {"observations", STUDY_PATH, IN(environment.recorded.observations), .required = true},
    {"actions", STUDY_PATH, IN(environment.recorded.actions)},
    {"labels", STUDY_PATH, IN(environment.recorded.labels)},
    {"says", STUDY_WORD, IN(environment.recorded.says), .words = label_kinds},
    {"ends", STUDY_PATH, IN(environment.recorded.ends), .required = true},
    {.key = NULL}};

static const struct study_key environment_keys[] = {
    {"name", STUDY_TEXT, IN(environment.name)},
    {"model", STUDY_PATH, IN(environment.model)},
    {"mujoco", STUDY_BLOCK, .keys = mujoco_keys},
    {"recorded", STUDY_BLOCK, .keys = recorded_keys},
    {"command", STUDY_TEXT,
     STUDY_LIST(struct policy_block, environment.command, environment.command_count)},
    {"hello_timeout", STUDY_REAL, IN(environment.hello_timeout), 1, 1e5, .unhashed = true},
    {"step_timeout", STUDY_REAL, IN(environment.step_timeout), .001, 1e5, .unhashed = true},
    {"observe", STUDY_INT,
     STUDY_LIST(struct policy_block, environment.observe, environment.observe_count), .least = 0,
     .most = 1e6},
    {"previous_action", STUDY_BOOL, IN(environment.previous_action)},
    {"horizon", STUDY_INT, IN(environment.horizon), 1, most_steps},
    {"success", STUDY_REAL, IN(environment.success), 0, 10},
    {"success_return", STUDY_REAL, IN(environment.success_return), -1e12, 1e12},
    {.key = NULL}};

static const struct study_key actions_keys[] = {
    {"bins", STUDY_INT, IN(actions.bins), 2, TR_BINS_MOST},
    {"grid", STUDY_WORD, IN(actions.grid), .words = grids},
    {"read", STUDY_WORD, IN(actions.read), .words = reads},
    {.key = NULL}};

static const struct study_key rollouts_keys[] = {
    {"base", STUDY_INT, IN(rollouts.base), 1, most_episodes},
    {"rounds", STUDY_INT, IN(rollouts.rounds), 1, 10000},
    {"episodes", STUDY_INT, IN(rollouts.episodes), 1, most_episodes},
    {"drive", STUDY_WORD, IN(rollouts.drive), .words = drives},
    {"beta", STUDY_REAL, IN(rollouts.beta), 0, 1},
    {"perturb", STUDY_REAL, IN(rollouts.perturb), 0, 1},
    {"mode", STUDY_WORD, IN(rollouts.mode), .words = modes},
    {"keep", STUDY_INT, IN(rollouts.keep), 0, 1e9},
    {"replay", STUDY_WORD, IN(rollouts.replay), .words = replays},
    {"alpha", STUDY_REAL, IN(rollouts.alpha), 0, 10},
    {"importance", STUDY_REAL, IN(rollouts.importance), 0, 1},
    {"regenerate", STUDY_INT, IN(rollouts.regenerate), 0, 1e6},
    {.key = NULL}};

static const struct study_key evaluate_keys[] = {
    {"episodes", STUDY_INT, IN(evaluate.episodes), 1, most_episodes},
    {"test_episodes", STUDY_INT, IN(evaluate.test_episodes), 1, most_episodes, .unhashed = true},
    {.key = NULL}};

static const struct study_key blocks[] = {
    {"environment", STUDY_BLOCK, .keys = environment_keys, .required = true},
    {"actions", STUDY_BLOCK, .keys = actions_keys},
    {"rollouts", STUDY_BLOCK, .keys = rollouts_keys},
    {"evaluate", STUDY_BLOCK, .keys = evaluate_keys},
    {.key = NULL}};

static const struct study_key data_keys[] = {{.key = NULL}};

static const struct study_key shape_keys[] = {
    {"features", STUDY_INT, SHAPE(features), 1, 65536, .required = true},
    {"bins", STUDY_INT, SHAPE(classes), 2, 65536, .required = true},
    {"parts", STUDY_INT, SHAPE(parts), 1, 1024},
    {.key = NULL}};

static const struct study_key space_keys[] = {
    {"history", STUDY_INT, STUDY_LIST(struct space, history.value, history.count), .least = 1,
     .most = SPACE_MAX_HISTORY, .optional = true},
    {"patch", STUDY_INT, STUDY_LIST(struct space, patch.value, patch.count), .least = 1,
     .most = SPACE_MAX_WIDTH, .optional = true}, /* of pixels, in place of a history */
    {"states", STUDY_BLOCK, .keys = shape_keys, .unhashed = true},
    {.key = NULL}};

/* What helped students of policies, and what of other tasks' defaults does not: docs/policy.md. */
static void defaults(struct study *study)
{
    struct policy_block *b = (struct policy_block *)study->block;
    struct tr_distill *d = &study->recipe.distill;

    *b = (struct policy_block){.environment = {.previous_action = true,
                                               .success = .9,
                                               .success_return = NAN,
                                               .hello_timeout = 120,
                                               .step_timeout = 10,
                                               .mujoco = {.skip = 1}},
                               .actions = {.bins = 16},
                               .rollouts = {.base = 32,
                                            .rounds = 6,
                                            .episodes = 32,
                                            .beta = .5,
                                            .perturb = .2,
                                            .alpha = .6,
                                            .importance = .4},
                               .evaluate = {.episodes = 100, .test_episodes = 400}};
    study->space.shape.pool = SPACE_POOL_LAST;
    study->recipe.learning_rate = 3e-3;
    study->recipe.weight_decay = .01;
    study->recipe.batch = 128;
    study->recipe.micro_batch = 16;
    d->t0 = d->t1 = 1;
    d->mix = TR_MIX_CONSTANT;
    d->ce0 = d->ce1 = 0;
    d->reg = TR_REG_NONE;
    d->clip_low = 0;
    (void)snprintf(study->search.objectives[0], sizeof study->search.objectives[0], "gap");
}

static rt_status check(const void *block, const char **key, struct rt_err *err)
{
    const struct policy_block *b = block;

    const bool recorded = b->environment.recorded.ends[0];

    if ((b->environment.name[0] != 0) + (b->environment.command_count != 0) + recorded != 1) {
        *key = "environment";
        return rt_fail(err, RT_EARG,
                       "an environment is named, a command's, or recorded; give name, command or "
                       "recorded");
    }
    if (recorded && !b->environment.recorded.labels[0] == !b->environment.recorded.actions[0]) {
        *key = "environment.recorded";
        return rt_fail(err, RT_EARG, "give actions, or labels");
    }
    if (recorded && b->environment.recorded.labels[0] && !b->environment.recorded.says) {
        *key = "environment.recorded.labels";
        return rt_fail(err, RT_EARG, "what are they? give says: gaussian, tanh, logits or q");
    }
    if (recorded && b->rollouts.drive != TR_DRIVE_TEACHER) {
        *key = "rollouts.drive";
        return rt_fail(err, RT_EARG,
                       "recorded trajectories are the teacher's: give drive: teacher");
    }
    if (b->rollouts.regenerate && !b->rollouts.keep) {
        *key = "rollouts.regenerate";
        return rt_fail(err, RT_EARG,
                       "without an end to what is kept memory would have none; give keep");
    }
    if (b->rollouts.keep && b->rollouts.keep < 2) {
        *key = "rollouts.keep";
        return rt_fail(err, RT_EARG, "one state is too few to learn from; give more, or 0 for all");
    }
    return RT_OK;
}

static bool has_test(const void *block)
{
    (void)block;
    return true; /* starts that no trial sees */
}

static const char *given(const char *text)
{
    return text[0] ? text : NULL;
}

/* What it points to is the block's and the caller's. */
static struct tr_env_spec environment_of(const struct study *study,
                                         const struct tr_mujoco_spec *mujoco,
                                         const struct tr_recorded_spec *recorded,
                                         char *argv[POLICY_ARGUMENTS + 1], char folder[RT_PATH_MAX])
{
    const struct policy_block *b = (const struct policy_block *)study->block;
    const char *slash = strrchr(study->path, '/');
    struct tr_env_spec spec = {.horizon = b->environment.horizon,
                               .hello_timeout = b->environment.hello_timeout,
                               .step_timeout = b->environment.step_timeout};

    if (recorded->ends) {
        spec.recorded = recorded;
        return spec;
    }
    if (!b->environment.command_count) {
        spec.name = b->environment.name;
        spec.model = b->environment.model[0] ? b->environment.model : NULL;
        spec.mujoco = mujoco->observation[0] ? mujoco : NULL;
        return spec;
    }
    (void)snprintf(folder, RT_PATH_MAX, "%.*s", slash ? (int)(slash - study->path) : 1,
                   slash ? study->path : ".");
    for (int i = 0; i < b->environment.command_count; i++)
        argv[i] = (char *)b->environment.command[i];
    spec.command = argv;
    spec.folder = folder;
    for (int k = 0; k < study->teachers.count; k++)
        spec.labels = spec.labels || study->teachers.teacher[k].kind == &tr_teacher_labels;
    return spec;
}

static rt_status open_train(const struct study *study, const struct tr_split_sizes *sizes,
                            struct tr_task **task, struct rt_err *err)
{
    const struct policy_block *b = (const struct policy_block *)study->block;
    const struct tr_mujoco_spec mujoco = {.skip = b->environment.mujoco.skip,
                                          .observation = b->environment.mujoco.observation,
                                          .reward = b->environment.mujoco.reward,
                                          .healthy = b->environment.mujoco.healthy,
                                          .start_qpos = b->environment.mujoco.start_qpos,
                                          .start_qvel = b->environment.mujoco.start_qvel,
                                          .start_normal = b->environment.mujoco.start_normal};
    const struct tr_recorded_spec recorded = {.observations =
                                                  given(b->environment.recorded.observations),
                                              .actions = given(b->environment.recorded.actions),
                                              .labels = given(b->environment.recorded.labels),
                                              .ends = given(b->environment.recorded.ends),
                                              .says = b->environment.recorded.says,
                                              .bins = b->actions.bins};
    char *argv[POLICY_ARGUMENTS + 1] = {NULL}, folder[RT_PATH_MAX];
    struct tr_policy_options o = {.environment =
                                      environment_of(study, &mujoco, &recorded, argv, folder),
                                  .observe_count = b->environment.observe_count,
                                  .previous_action = b->environment.previous_action,
                                  .pixels = study->space.patch.count > 0,
                                  .success = b->environment.success,
                                  .success_return = b->environment.success_return,
                                  .bins = b->actions.bins,
                                  .grid = (enum tr_grid)b->actions.grid,
                                  .read = (enum tr_read)b->actions.read,
                                  .rollouts = {.base = b->rollouts.base,
                                               .rounds = b->rollouts.rounds,
                                               .episodes = b->rollouts.episodes,
                                               .regenerate = b->rollouts.regenerate,
                                               .keep = b->rollouts.keep,
                                               .drive = (enum tr_drive)b->rollouts.drive,
                                               .beta = b->rollouts.beta,
                                               .perturb = b->rollouts.perturb,
                                               .perturb_mode = (enum tr_perturb)b->rollouts.mode,
                                               .replay = (enum tr_replay_by)b->rollouts.replay,
                                               .alpha = b->rollouts.alpha,
                                               .importance = b->rollouts.importance},
                                  .episodes = b->evaluate.episodes,
                                  .test_episodes = b->evaluate.test_episodes,
                                  .seed = sizes->seed};

    memcpy(o.observe, b->environment.observe, sizeof o.observe);
    return tr_policy_task(task, &o, study->space.shape.pool, err);
}

/* Frames (steps, height, width, channels) of bytes, of a student that reads pixels. */
static rt_status examples(const char *path, const struct tr_input *input, uint8_t **bytes,
                          int *rows, struct rt_err *err)
{
    const int *want = input->shape;
    struct tr_array array;
    struct rt_map map;
    rt_status rc;

    RT_TRY(rt_map_open(&map, path, err));
    if ((rc = tr_npy_parse_array(path, map.data, map.bytes, &array, err)) == RT_OK) {
        bool good =
            array.kind == 'u' && array.bytes == 1 && array.dims == 4 && array.size[0] <= INT_MAX;
        for (int i = 0; i < 3; i++)
            good = good && array.size[i + 1] == (size_t)want[i];
        if (!good)
            rc = rt_fail(err, RT_ESHAPE,
                         "'%.200s' is no array of bytes (steps, %d, %d, %d), which this policy "
                         "reads",
                         path, want[0], want[1], want[2]);
        else if (!(*bytes = malloc(array.count)))
            rc = rt_fail(err, RT_ENOMEM, "no memory for the frames of '%.200s'", path);
    }
    if (rc == RT_OK) {
        memcpy(*bytes, array.values, array.count);
        *rows = (int)array.size[0];
    }
    rt_map_close(&map);
    return rc;
}

static void tell(const struct tr_task *task, char text[96])
{
    const struct tr_env_info *info = tr_env_info(tr_policy_environment(task));
    const struct space_shape *shape = &task->shape;
    char seen[40];

    if (shape->features)
        (void)snprintf(seen, sizeof seen, "%d numbers", shape->features);
    else
        (void)snprintf(seen, sizeof seen, "%dx%dx%d pixels", shape->height, shape->width,
                       shape->channels);
    if (info->choices)
        (void)snprintf(text, 96, "'%.24s', %s seen, %d choices", info->name, seen, info->choices);
    else
        (void)snprintf(text, 96, "'%.24s', %s seen, %d actions of %d bins", info->name, seen,
                       shape->parts, shape->classes);
}

static rt_status look(const struct tr_task *task, const struct tr_task *test, study_say *say,
                      void *to, struct rt_err *err)
{
    char text[160];
    double seconds = 0;
    bool same = false;

    (void)test;
    RT_TRY(tr_policy_repeats(task, &same, &seconds, err));
    (void)snprintf(text, sizeof text, "%s, a step takes %.3g us",
                   same ? "episodes of one seed are the same bits"
                        : "episodes of one seed DIFFER: no trial of this study can be repeated",
                   1e6 * seconds);
    say(to, !same, "environment", text);
    return RT_OK;
}

static rt_status pace(const struct tr_task *task, char text[96], struct rt_err *err)
{
    const bool child = tr_env_info(tr_policy_environment(task))->child;
    double seconds = 0;
    bool same = false;

    RT_TRY(tr_policy_repeats(task, &same, &seconds, err));
    (void)snprintf(text, 96, "the environment alone makes %.0f steps a second%s", 1 / seconds,
                   child ? "" : " of CPU time");
    return RT_OK;
}

/* ---- the study of `retort init policy` ---- */

static const char *const init_lines[] = {
    "# A study of Retort: which small network acts as its teacher does. docs/policy.md tells more,",
    "# docs/study.md lists every key. Paths are relative to this file.",
    "#",
    "#   retort doctor study.yaml     look it over before a night is spent",
    "#   retort search study.yaml     search; the same command goes on after an interruption",
    "#",
    "# A key that stands right behind its # is a choice: take the # away. `# ` begins a remark.",
    "",
    "name: pendulum",
    "task: policy",
    "seed: 1                 # another seed is another study",
    "store: study.db         # everything that is tried and measured goes here",
    "",
    "# ---- the environment: pendulum, cartpole, acrobot, mountain_car ----",
    "environment:",
    "  name: pendulum",
    "  # What students see of a state; teachers see all of it. Here the speed is hidden.",
    "  observe: [0, 1]",
    "  previous_action: true # and its own last action",
    "  # An episode succeeds at so much of the teacher's return, from that of random actions on:",
    "  success: 0.9",
    "",
    "# A component of an action is one of `bins` centres. It acts by the likeliest (mode), as a",
    "# teacher that says values does; of one that says Gaussians, ppo or policy, by their mean.",
    "actions: {bins: 16, grid: ends, read: mode}",
    "",
    "# ---- the episodes that students learn from ----",
    "rollouts:",
    "  base: 32              # driven by the teacher, the same for all students",
    "  rounds: 6             # of episodes, those among them; then the student drives, too:",
    "  episodes: 32",
    "  drive: mix            # in round i each step is the teacher's with probability beta^i",
    "  beta: 0.5",
    "  perturb: 0.2          # share of steps in which another action is executed",
    "  #replay: per          # states by how much there is to learn from them",
    "",
    "evaluate:",
    "  episodes: 100         # that score a student; always the same starts",
    "  test_episodes: 400    # for `retort distill`, of other starts",
    "",
    "teachers:",
    "  cache: teachers",
    "  members:",
    "    - name: vi",
    "      table: {tau: 0.05}  # value iteration on a grid of states; softmax(Q / tau)",
    "",
    "# ---- what a student may be: the choices of each gene ----",
    "space:",
    "  tie: uniform",
    "  history: [4, 6, 8]    # time steps that it looks back on",
    "  depth: [1, 2]",
    "  width: [8, 12, 16]",
    "  head_dim: [4, 8]",
    "  heads: [1, 2]",
    "  ffn: [16, 24, 32]",
    "",
    "limits:",
    "  params: 3000",
    "",
    "distill:",
    "  steps: 12000",
    "  batch: 32",
    "",
    "full:",
    "  steps: 32000",
    "",
    "# What a distilled student must reach, for `retort distill --gates`:",
    "gates: {return_retention: 0.97}",
    "",
    "search:",
    "  trials: 40",
    "  workers: 0            # 0: one on each core",
    "  window: 8",
    "  initial: 8",
    "  objectives: [gap, params]  # minimised; also kl, error, visited_kl, latency, macs, bytes",
    "",
    "latency: {batch: 1, threads: 1}  # one step of control",
    NULL};

static const char method[] =
    "Returns are those of whole episodes from starts that are the same for all students, for their "
    "teachers and for random actions; the gap is 0 for a student as good as its teachers and 100 % "
    "for one that does as random actions do. Error, agreement and KL are taken in states of "
    "episodes "
    "that the teachers drove, those called visited in the student's own. ± is one standard error, "
    "of "
    "paired differences where there are pairs. Latency is that of one step of control, "
    "and the control rate how many of them go into a second. The starts of the test were not "
    "looked at.";

const struct study_task study_policy = {.name = "policy",
                                        .kind = &tr_task_policy,
                                        .data = data_keys,
                                        .blocks = blocks,
                                        .space = space_keys,
                                        .reads = "states",
                                        .tests = "evaluate.test_episodes",
                                        .defaults = defaults,
                                        .check = check,
                                        .has_test = has_test,
                                        .open = open_train,
                                        .examples = examples,
                                        .tell = tell,
                                        .look = look,
                                        .pace = pace,
                                        .method = method,
                                        .init = init_lines};
