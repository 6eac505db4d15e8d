/* cli/study_image.c -- the task `image`: what a study says of images, and how they are opened.
 *
 * All that the command line knows of pixels and files of images is here; the studies of `retort
 * init image` with it, which run as they are on Fashion-MNIST (package dataset-fashion-mnist), so
 * that the first edit starts from something that works.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/study.h"
#include "trainer/task/image/image.h"

enum { train, test, validation, parts };

struct image_block {
    int format, classes; /* enum tr_image_format; classes 0: from the labels */
    /* "" when the study has no such part or, of labels, the images say them */
    char images[parts][RT_PATH_MAX], labels[parts][RT_PATH_MAX];
    int height, width, channels; /* of pictures; 0: as the first one is */
};
_Static_assert(sizeof(struct image_block) <= STUDY_BLOCK_BYTES, "a study has room for it");

#define IN(member) STUDY_AT(struct image_block, member)
#define SHAPE(member) STUDY_AT(struct space, shape.member)

static const char *const formats[] = {"idx", "npy", "folder", "csv", NULL};
static const char *const image_keys[parts] = {"train_images", "test_images", "validation_images"};
static const char *const label_keys[parts] = {"train_labels", "test_labels", "validation_labels"};

static const struct study_key data_keys[] = {
    {"format", STUDY_WORD, IN(format), .words = formats},
    {"train_images", STUDY_PATH, IN(images[train]), .required = true},
    {"train_labels", STUDY_PATH, IN(labels[train])},
    {"test_images", STUDY_PATH, IN(images[test]), .unhashed = true},
    {"test_labels", STUDY_PATH, IN(labels[test]), .unhashed = true},
    {"classes", STUDY_INT, IN(classes), 0, 256},
    {"validation_images", STUDY_PATH, IN(images[validation]), .newer = true},
    {"validation_labels", STUDY_PATH, IN(labels[validation]), .newer = true},
    {"height", STUDY_INT, IN(height), 0, 1024, .newer = true},
    {"width", STUDY_INT, IN(width), 0, 1024, .newer = true},
    {"channels", STUDY_INT, IN(channels), 0, 3, .newer = true},
    {.key = NULL}};

static const struct study_key shape_keys[] = {
    {"height", STUDY_INT, SHAPE(height), 1, SPACE_MAX_WIDTH, .required = true},
    {"width", STUDY_INT, SHAPE(width), 1, SPACE_MAX_WIDTH, .required = true},
    {"channels", STUDY_INT, SHAPE(channels), 1, 256, .required = true},
    {"classes", STUDY_INT, SHAPE(classes), 1, 1e6, .required = true},
    {.key = NULL}};

static const struct study_key space_keys[] = {
    {"patch", STUDY_INT, STUDY_LIST(struct space, patch.value, patch.count), .least = 1,
     .most = SPACE_MAX_WIDTH},
    {"images", STUDY_BLOCK, .keys = shape_keys, .unhashed = true},
    {.key = NULL}};

static bool has_labels(const struct image_block *block)
{
    return block->format == TR_IMAGES_IDX || block->format == TR_IMAGES_NPY;
}

/* Are a part's images and labels given as the format has them? */
static rt_status check_part(const struct image_block *block, int part, const char **key,
                            struct rt_err *err)
{
    const bool images = block->images[part][0], labels = block->labels[part][0];

    *key = labels && !(images && has_labels(block)) ? label_keys[part] : image_keys[part];
    if (labels && !has_labels(block))
        return rt_fail(err, RT_EARG, "the images say their labels in this format; leave it out");
    if (images == labels || (images && !has_labels(block)))
        return RT_OK;
    if (part == test)
        return rt_fail(err, RT_EARG, "test images and labels go together; give both or neither");
    return rt_fail(err, RT_EARG, "images and labels go together; give %s, too",
                   images ? label_keys[part] : image_keys[part]);
}

static rt_status check(const void *data, const char **key, struct rt_err *err)
{
    const struct image_block *block = data;

    for (int part = 0; part < parts; part++)
        RT_TRY(check_part(block, part, key, err));
    *key = block->height ? "height" : block->width ? "width" : "channels";
    if (has_labels(block) && (block->height || block->width || block->channels))
        return rt_fail(err, RT_EARG,
                       "only pictures (format folder or csv) are resized; leave it "
                       "out");
    *key = block->height ? "height" : "width";
    if (!block->height != !block->width)
        return rt_fail(err, RT_EARG, "height and width go together; give both or neither");
    *key = "channels";
    if (block->channels == 2)
        return rt_fail(err, RT_EARG, "2 is neither grey nor RGB; give 1 or 3");
    return RT_OK;
}

static bool has_test(const void *data)
{
    const struct image_block *block = data;

    return block->images[test][0];
}

static bool has_validation(const void *data)
{
    const struct image_block *block = data;

    return block->images[validation][0];
}

static rt_status load(const struct image_block *block, int part, const struct tr_images *like,
                      struct tr_images *images, struct rt_err *err)
{
    const struct tr_image_source source = {.format = (enum tr_image_format)block->format,
                                           .images = block->images[part],
                                           .labels = block->labels[part],
                                           .classes = block->classes,
                                           .height = block->height,
                                           .width = block->width,
                                           .channels = block->channels,
                                           .like = like};
    return tr_images_load(images, &source, err);
}

/* The validation file's rows stand behind those of the training file. */
static rt_status open_with_validation(const struct study *study, const struct tr_split_sizes *sizes,
                                      struct tr_images *images, struct tr_task **task,
                                      struct rt_err *err)
{
    const struct image_block *block = (const struct image_block *)study->block;
    struct tr_split_sizes as = *sizes;
    const int before = images->count;
    struct tr_images more;

    if (sizes->validation_rows)
        return rt_fail(err, RT_EARG,
                       "'%.200s' gives both data.validation_rows and "
                       "data.validation_images; leave one out",
                       study->path);
    RT_TRY(load(block, validation, images, &more, err));
    RT_TRY(tr_images_append(images, &more, err));
    as.validation = images->count - before;
    int *rows = malloc((size_t)as.validation * sizeof *rows);
    if (!rows)
        return rt_fail(err, RT_ENOMEM, "no memory for the validation rows");
    for (int i = 0; i < as.validation; i++)
        rows[i] = before + i;
    as.validation_rows = rows;
    const rt_status rc = tr_image_task(task, images, study->space.shape.pool, &as, err);
    free(rows);
    return rc;
}

static rt_status open_train(const struct study *study, const struct tr_split_sizes *sizes,
                            struct tr_task **task, struct rt_err *err)
{
    const struct image_block *block = (const struct image_block *)study->block;
    struct tr_images images;
    rt_status rc;

    RT_TRY(load(block, train, NULL, &images, err));
    if (!has_validation(block))
        return tr_image_task(task, &images, study->space.shape.pool, sizes, err);
    rc = open_with_validation(study, sizes, &images, task, err);
    tr_images_release(&images); /* nothing, if the task has them */
    return rc;
}

static rt_status open_test(const void *data, const struct tr_task *task, struct tr_task **tested,
                           struct rt_err *err)
{
    struct tr_images images;

    RT_TRY(load(data, test, tr_image_images(task), &images, err));
    return tr_image_task_like(tested, task, &images, err);
}

/* A file of arrays; or pictures, of a folder of classes or a table, at the student's size. */
static rt_status read_examples(struct tr_images *images, const char *path, const int want[3],
                               struct rt_err *err)
{
    const char *ending = strrchr(path, '.');
    const bool table = ending && strcmp(ending, ".csv") == 0;
    const struct tr_image_source pictures = {.format = table ? TR_IMAGES_CSV : TR_IMAGES_FOLDER,
                                             .images = path,
                                             .height = want[0],
                                             .width = want[1],
                                             .channels = want[2]};
    struct stat found;

    if (table || (stat(path, &found) == 0 && S_ISDIR(found.st_mode)))
        return tr_images_load(images, &pictures, err);
    return tr_images_read(images, path, err);
}

static rt_status examples(const char *path, const struct tr_input *input, uint8_t **bytes,
                          int *rows, struct rt_err *err)
{
    const int *want = input->shape;
    struct tr_images images;
    rt_status rc = RT_OK;

    RT_TRY(read_examples(&images, path, want, err));
    if (images.height != want[0] || images.width != want[1] || images.channels != want[2]) {
        rc = rt_fail(err, RT_ESHAPE,
                     "'%.200s' has images of %dx%dx%d, and this student reads %dx%dx%d", path,
                     images.height, images.width, images.channels, want[0], want[1], want[2]);
    } else {
        *rows = images.count;
        *bytes = images.pixels;
        images.pixels = NULL; /* taken */
    }
    tr_images_release(&images);
    return rc;
}

static void tell(const struct tr_task *task, char text[96])
{
    const struct space_shape *shape = &task->shape;

    (void)snprintf(text, 96, "%d images of %dx%dx%d, %d classes", task->rows, shape->height,
                   shape->width, shape->channels, shape->classes);
}

/* ---- the study of `retort init image` ---- */

/* Lines rather than one text: C compilers need not take literals beyond 4095 characters. */
static const char *const init_lines[] = {
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
    "# ---- your data ----",
    "data:",
    "  format: idx           # files like MNIST's, plain or .gz; or npy, folder, csv",
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
    "  # bytes, macs, memory, int8_bytes",
    "",
    "# ---- one trial: a short distillation run with its own complete schedule ----",
    "# Many bold steps of few examples rank best: docs/fidelity.md.",
    "distill:",
    "  steps: 8000",
    "  batch: 16",
    "  learning_rate: 0.004",
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
    "  batch: 64",
    "  learning_rate: 0.002",
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
    "  # rungs: [900, 2700, 8000]  # train briefly first, the best third longer, twice",
    "  initial: 16           # spread over the space before evolution begins",
    "  objectives: [error, params, latency]  # minimised; also kl, bytes, macs, memory, int8_bytes",
    "",
    "# What `latency` means here: batch 1 on one thread is a single request.",
    "latency:",
    "  batch: 1",
    "  threads: 1",
    NULL};

const struct study_task study_image = {.name = "image",
                                       .kind = &tr_task_image,
                                       .data = data_keys,
                                       .space = space_keys,
                                       .reads = "images",
                                       .tests = "data.test_images and data.test_labels",
                                       .check = check,
                                       .has_test = has_test,
                                       .has_validation = has_validation,
                                       .open = open_train,
                                       .open_test = open_test,
                                       .examples = examples,
                                       .tell = tell,
                                       .init = init_lines};
