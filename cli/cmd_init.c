/* cli/cmd_init.c -- `retort init TASK DIR`: a commented study file to start from.
 *
 * It runs as it is on Fashion-MNIST (package dataset-fashion-mnist), so that the first edit starts
 * from something that works. A test lets study_load() read it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/command.h"

/* Lines rather than one text: C compilers need not take literals beyond 4095 characters. */
static const char *const image_lines[] = {
    "# A study of Retort: what is searched, and how. docs/study.md lists every key.",
    "# Paths are relative to this file.",
    "#",
    "#   retort doctor study.yaml     look it over before a night is spent",
    "#   retort search study.yaml     search; the same command goes on after an interruption",
    "#",
    "# A key that stands right behind its # is a choice: take the # away. `# ` begins a remark.",
    "",
    "name: images",
    "task: image",
    "seed: 1                 # another seed is another study",
    "store: study.db         # everything that is tried and measured goes here",
    "",
    "# ---- your data: IDX files, plain or .gz ----",
    "data:",
    "  format: idx",
    "  train_images: /usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz",
    "  train_labels: /usr/share/datasets/fashion-mnist/train-labels-idx1-ubyte.gz",
    "  # only `retort distill` looks at the test file; leave it out when there is none",
    "  test_images: /usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz",
    "  test_labels: /usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz",
    "  validation: 5000      # rows of the training file that score the students",
    "  train_limit: 0        # 0: train on all the others",
    "  #held_out: 2000       # rows to fit the teachers' weights and calibration on",
    "",
    "# ---- your teachers: trained by this program, or recorded elsewhere ----",
    "teachers:",
    "  cache: teachers       # folder for weights and for what the teachers say about the data",
    "  combine: prob         # mean of probabilities; or logit: mean of logits",
    "  # Weights other than the members' own, one of these; the last three need data.held_out:",
    "  #weights: uniform      # all alike",
    "  #weights: entropy      # of each example, the less doubt the more",
    "  #weights: confidence   # the less loss the more",
    "  #weights: accuracy",
    "  #weights: em           # by likelihood",
    "  #weights: auto         # drops the weak, then uniform or em, whichever is better",
    "  # Each teacher at the temperature that fits it best; needs data.held_out:",
    "  #calibrate: true",
    "  members:",
    "    - name: wide",
    "      #weight: 1        # in the ensemble, relative to the others'",
    "      train:",
    "        # layers L, width d, head dimension k, heads h, FFN width f, patch p",
    "        arch: L4-d96-k16-h6-f384-p7",
    "        epochs: 6",
    "        batch: 64",
    "        learning_rate: 0.001",
    "    # Logits of a teacher of your own, one row for each row of the data file, as .npy:",
    "    # - name: mine",
    "    #   weight: 2",
    "    #   logits:",
    "    #     train: mine-train.npy",
    "    #     test: mine-test.npy",
    "",
    "# ---- what a student may be: the choices of each gene ----",
    "space:",
    "  tie: uniform          # all layers alike; stage: runs of layers; layer: each its own",
    "  depth: [1, 2, 3, 4]",
    "  width: [16, 24, 32, 48, 64, 96]",
    "  head_dim: [8, 16]",
    "  heads: [1, 2, 3, 4]   # attention is heads x head_dim wide, whatever the width",
    "  ffn_ratio: [1, 2, 3, 4]   # times the width; or ffn: [64, 128, 256]",
    "  patch: [7]            # in pixels, divides the image; [4, 7] lets both compete",
    "  pool: class           # a class token; or mean: the mean of all tokens",
    "",
    "# Students beyond a limit are never trained. Costs are exact; 0 is no limit.",
    "limits:",
    "  params: 300000",
    "  # bytes, macs, memory",
    "",
    "# ---- one trial: a short distillation run with its own complete schedule ----",
    "distill:",
    "  steps: 2000",
    "  batch: 64",
    "  learning_rate: 0.002",
    "  warmup: 0.1           # share of the steps; then linear to zero",
    "  weight_decay: 0.05",
    "  loss: fkl             # KL(teacher || student); rkl, js, sym, mse, dkd, hard, dist",
    "  t0: 4                 # temperature; falls to t1: 1",
    "  # The weight of the labels falls from ce0: 0.9 to ce1: 0.1. Other recipes; take one:",
    "  # -- plain distillation: one temperature and one weight all the time",
    "  #mix: constant",
    "  #ce0: 0.1",
    "  #t_schedule: constant",
    "  # -- the teachers alone",
    "  #mix: constant",
    "  #ce0: 0",
    "  # -- two stages: the labels alone, then the teachers alone",
    "  #mix: two_stage",
    "  #stage_split: 0.3",
    "  # -- layer by layer as TinyBERT does, from the first trained teacher: its embedding, hidden",
    "  #    layers and attention, then what it predicts. The space has the teacher's patch alone",
    "  #    and no more layers than it.",
    "  #layers: {embedding: 1, hidden: 1, attention: 1, intermediate: 0.3}",
    "  # And with any of these:",
    "  # -- students begin as what is cut out of a teacher (block `prune`)",
    "  #init: prune",
    "  # -- also in int8: ranges measured after training, or felt by the end of it",
    "  #quantise: ptq",
    "  #quantise: qat",
    "",
    "# With `init: prune`: prune: {importance: activation, layers: uniform} says how it cuts",
    "",
    "# ---- the full recipe, for `retort distill`; what it does not say is as above ----",
    "full:",
    "  epochs: 30",
    "  # -- several students teach each other, and the best is kept",
    "  #online: {mode: dml, cohort: 2}",
    "  #online: {mode: kdcl_minlogit, cohort: 3, rampup: 0.25}",
    "",
    "# ---- what a distilled student must reach, for `retort distill --gates`; one of these ----",
    "# 82 % of the bytes saved, 97 % of the ensemble's accuracy kept",
    "#gates: {bytes_reduction: 0.82, accuracy_retention: 0.97}",
    "# 15 times fewer parameters, 93.4 % of the ensemble's accuracy kept",
    "#gates: {compression_ratio: 15, accuracy_retention: 0.934}",
    "# With `quantise` there are int8_bytes_reduction and int8_accuracy_retention, too.",
    "",
    "search:",
    "  trials: 200           # 0: no limit",
    "  hours: 8              # of one run; 0: no limit",
    "  workers: 0            # 0: one on each core",
    "  window: 16            # trials that may be proposed ahead of the results",
    "  # rungs: [220, 660, 2000]  # train briefly first, the best third longer, twice",
    "  initial: 16           # spread over the space before evolution begins",
    "  objectives: [error, params, latency]  # minimised; also kl, bytes, macs, memory, int8_bytes",
    "",
    "# What `latency` means here: batch 1 on one thread is a single request.",
    "latency:",
    "  batch: 1",
    "  threads: 1",
};

static void write_lines(FILE *out, const char *const *lines, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)fprintf(out, "%s\n", lines[i]);
}

static rt_status init(const char *folder, char path[RT_PATH_MAX], struct rt_err *err)
{
    struct rt_writer writer;

    if (snprintf(path, RT_PATH_MAX, "%s/study.yaml", folder) >= RT_PATH_MAX)
        return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", folder);
    if (access(path, F_OK) == 0)
        return rt_fail(err, RT_EIO, "'%s' exists; remove it or choose another folder", path);
    RT_TRY(rt_folder_make(folder, err));
    RT_TRY(rt_writer_open(&writer, path, err));
    write_lines(writer.file, image_lines, sizeof image_lines / sizeof *image_lines);
    return rt_writer_commit(&writer, err);
}

static int run(int argc, char **argv)
{
    const struct option longs[] = {{0}};
    const char *task = NULL, *folder = NULL;
    char path[RT_PATH_MAX];
    struct rt_err err;

    if (command_option("init", argc, argv, "", longs) != -1)
        return COMMAND_USAGE;
    if (!command_operand("init", argc, argv, "TASK", &task))
        return COMMAND_USAGE;
    if (strcmp(task, "image") != 0)
        return command_usage("init", "unknown task '%s', known: image", task);
    if (!command_operand("init", argc, argv, "DIR", &folder) ||
        !command_no_more("init", argc, argv))
        return COMMAND_USAGE;
    if (init(folder, path, &err) != RT_OK)
        return command_failed("init", &err);
    (void)printf("%s\nedit it, then:  retort doctor %s\n                retort search %s\n", path,
                 path, path);
    return COMMAND_DONE;
}

const struct command command_init = {
    .name = "init",
    .use = "image DIR",
    .summary = "write a commented study file to start from",
    .help = "Writes DIR/study.yaml, and never over a file that exists. It runs as it is on\n"
            "Fashion-MNIST; put your own data, teachers and choices in their place.\n"
            "\n"
            "An architecture is written L4-d96-k16-h4.4.2.2-f192-p7: 4 layers, width 96,\n"
            "heads of dimension 16, 4 to 2 heads layer by layer, FFN width 192 in all\n"
            "layers, patches of 7 pixels. Attention is heads x head dimension wide,\n"
            "independent of the width.\n",
    .run = run,
};
