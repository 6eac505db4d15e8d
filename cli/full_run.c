/* cli/full_run.c -- see full_run.h. */
#include "cli/full_run.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/build.h"
#include "base/random.h"
#include "cli/checkpoints.h"
#include "trainer/measure/evaluate.h"

bool full_run_in_int8(const struct full_run *run)
{
    return run->recipe.quantise != TR_QUANTISE_NONE;
}

/* A cohort, each student with a start of its own; the first one's is that of a student alone. */
static rt_status start(struct full_run *run, int count, struct rt_err *err)
{
    const struct session *session = run->session;

    for (int k = 0; k < count; k++) {
        struct tr_network *net = &run->net[k];
        uint64_t seed = run->seed;
        if (k > 0) {
            struct rt_rng rng;
            rt_rng_init(&rng, seed, RT_STREAM_COHORT, (uint64_t)k);
            seed = rt_rng_u64(&rng);
        }
        RT_TRY(
            tr_network_open(net, &run->arch, &session->shape, run->kernels, TR_NETWORK_TRAIN, err));
        tr_lineage_release(&run->lineage); /* the same for all */
        RT_TRY(tr_donor_start(run->recipe.init == TR_INIT_PRUNE ? session->data.donor : NULL,
                              &net->student, seed, net->weights.params, &run->lineage, err));
    }
    return RT_OK;
}

/* The student of a cohort with the least validation error; the first of equals. */
static rt_status keep_best(struct full_run *run, int count, struct rt_err *err)
{
    double least = INFINITY;

    for (int k = 0; k < count; k++) {
        struct tr_metrics metrics = {0};
        RT_TRY(tr_evaluate_validation(&run->net[k].student, &run->net[k].weights,
                                      &run->session->data, run->threads, &metrics, err));
        const double error = tr_metrics_value(&metrics, "error");
        if (error < least) {
            least = error;
            run->kept = k;
        }
    }
    return RT_OK;
}

const struct tr_network *full_run_kept(const struct full_run *run)
{
    return &run->net[run->kept];
}

rt_status full_run_train(struct full_run *run, struct rt_err *err)
{
    const struct session *session = run->session;
    const struct tr_online *online = &session->study.online;
    const int count = online->mode == TR_ONLINE_OFF ? 1 : online->cohort;
    const int lanes = session->study.full_lanes;
    struct tr_weights cohort[TR_ONLINE_MAX_COHORT];
    struct tr_train_summary summaries[TR_ONLINE_MAX_COHORT];
    struct tr_ranges ranges[TR_ONLINE_MAX_COHORT];
    const struct tr_training training = {.student = &run->net->student,
                                         .data = &session->data,
                                         .recipe = &run->recipe,
                                         .seed = run->seed,
                                         .lineage = &run->lineage,
                                         .ranges = ranges,
                                         .lanes = lanes,
                                         .threads = run->threads < lanes ? run->threads : lanes,
                                         .stop = run->stop,
                                         .resume = run->resume,
                                         .curve = run->curved ? tr_curve_add : NULL,
                                         .curve_context = &run->curve,
                                         .progress = run->progress,
                                         .progress_context = run->progress_context};

    assert(run->threads >= 1 && run->kernels);
    RT_TRY(start(run, count, err));
    for (int k = 0; k < count; k++)
        cohort[k] = run->net[k].weights; /* which are trained in place */
    RT_TRY(count == 1 ? tr_train(&training, cohort, summaries, err)
                      : tr_train_cohort(&training, online, cohort, summaries, err));
    run->summary = summaries[0];
    if (count > 1)
        RT_TRY(keep_best(run, count, err));
    run->ranges = ranges[run->kept];
    if (!full_run_in_int8(run))
        return RT_OK;
    return tr_int8_ranges(&full_run_kept(run)->student, &full_run_kept(run)->weights,
                          &session->data, &run->recipe, run->seed, &run->ranges, err);
}

void full_run_close(struct full_run *run)
{
    tr_lineage_release(&run->lineage);
    for (int k = 0; k < TR_ONLINE_MAX_COHORT; k++)
        tr_network_close(&run->net[k]);
    tr_curve_release(&run->curve);
}

/* ---- going on after a kill ---- */

static void add(struct rt_hash *hash, const char *text)
{
    rt_hash_add(hash, text, strlen(text) + 1);
}

rt_status full_run_made_of(const struct session *session, const char *recipe,
                           char text[RT_HASH_TEXT], struct rt_err *err)
{
    const struct tr_knowledge_key *key = &session->knowledge.key;
    const struct tr_ensemble *ensemble = &session->study.ensemble;
    char study[RT_HASH_TEXT];
    struct rt_hash *hash = rt_hash_open();
    struct rt_build build;

    if (!hash)
        return rt_fail(err, RT_ENOMEM, "no memory to hash a full run");
    study_hash(&session->study, study);
    rt_build_query(&build);
    add(hash, study);
    add(hash, recipe);
    add(hash, build.hash);
    add(hash, session->task->hash);
    for (int k = 0; k < key->teachers; k++)
        add(hash, key->teacher[k]);
    rt_hash_add(hash, session->knowledge.self, sizeof session->knowledge.self);
    rt_hash_add(hash, ensemble->weight, sizeof ensemble->weight);
    rt_hash_add(hash, ensemble->calibration, sizeof ensemble->calibration);
    rt_hash_close(hash, text);
    return RT_OK;
}

rt_status full_run_resume(const struct full_run *run, const char *db, struct tr_resume *resume,
                          struct rt_err *err)
{
    char folder[RT_PATH_MAX], arch[SPACE_ARCH_TEXT], line[SPACE_ARCH_TEXT + RT_HASH_TEXT + 32],
        name[RT_HASH_TEXT], full[RT_HASH_TEXT];

    *resume = (struct tr_resume){.every = 0};
    study_full_hash(&run->session->study, &run->recipe, full);
    RT_TRY(full_run_made_of(run->session, full, resume->made_of, err));
    RT_TRY(checkpoints_beside(db, "runs", folder, err));
    space_arch_print(&run->arch, arch);
    const int n = snprintf(line, sizeof line, "%s %llu %s", arch, (unsigned long long)run->seed,
                           resume->made_of);
    rt_hash_bytes(line, (size_t)n, name);
    if (snprintf(resume->path, sizeof resume->path, "%s/%s.state", folder, name) >=
        (int)sizeof resume->path)
        return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", folder);
    return RT_OK;
}
