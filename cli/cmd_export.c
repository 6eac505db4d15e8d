/* cli/cmd_export.c -- `retort export`: a trained student in a form that others run.
 *
 * The ending of the output decides the format, so that a command line says what it makes; of folders
 * --format does. A whole study becomes a database of Optuna's.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/command.h"
#include "cli/exported.h"
#include "cli/weights.h"
#include "reports/report.h"
#include "trainer/export/c_source.h"
#include "trainer/export/contract.h"
#include "trainer/export/huggingface.h"
#include "trainer/export/onnx.h"
#include "trainer/export/torch.h"

enum { AS_FILE = -1, AS_TORCH, AS_HUGGINGFACE }; /* --format, of a folder */

struct wishes {
    const char *from, *candidate, *output; /* candidate NULL: from is a file of weights */
    const char *db;                        /* where it is recorded; NULL: nowhere */
    const char *name;                      /* of C functions; NULL: the output's */
    const char *optuna;                    /* of a study: where to; else NULL */
    int format;                            /* AS_FILE: not said */
    int form;                              /* of int8 ONNX; -1: not said */
    int64_t batch;
    bool reentrant, selftest;
};

static bool ends_with(const char *text, const char *ending)
{
    const size_t n = strlen(text), m = strlen(ending);
    return n > m && strcmp(text + n - m, ending) == 0;
}

static rt_status export_onnx(const struct weights *weights, const struct wishes *w,
                             struct rt_err *err)
{
    const bool qdq = w->form == 1;
    const struct tr_onnx_options options = {.form = !weights->model->weights->int8 ? TR_ONNX_FLOAT
                                                    : qdq                          ? TR_ONNX_QDQ
                                                                                   : TR_ONNX_CODES,
                                            .batch = (int)w->batch};

    if (w->form >= 0 && !weights->model->weights->int8)
        return rt_fail(err, RT_EARG,
                       "'%s' holds floats, and --form is of int8; export its .int8.safetensors",
                       weights->path);
    return tr_onnx_write(w->output, weights->model, &options, err);
}

static rt_status export_c(const struct weights *weights, const struct wishes *w, struct rt_err *err)
{
    const char *slash = strrchr(w->output, '/'), *base = slash ? slash + 1 : w->output;
    char name[RT_PATH_MAX]; /* a long one is refused, not cut */

    (void)snprintf(name, sizeof name, "%.*s", (int)strlen(base) - 2, base);
    return tr_c_source_write(w->output, weights->model,
                             &(struct tr_c_options){.name = w->name ? w->name : name,
                                                    .reentrant = w->reentrant,
                                                    .selftest = w->selftest},
                             err);
}

static rt_status check_answers(const struct weights *weights, struct rt_err *err)
{
    if (weights->model->student->shape.pool != SPACE_POOL_NONE)
        return RT_OK;
    return rt_fail(
        err, RT_EARG,
        "'%.200s' says what comes next, which neither ONNX nor C is written for yet; use "
        "the file itself, or 'retort sample'",
        weights->path);
}

static const char *note_of(const struct weights *weights, const char *key)
{
    for (const struct tr_metadata *note = weights->model->metadata; note->key; note++)
        if (strcmp(note->key, key) == 0)
            return note->value;
    return "";
}

/* Beside the file, when it reads token ids: FILE.vocab.txt, a token a line, in the order of ids. */
static rt_status export_vocabulary(const struct weights *weights, const struct wishes *w,
                                   struct rt_err *err)
{
    const char *ending = strrchr(w->output, '.'), *end = note_of(weights, "vocabulary");
    const char *const tokens = end;
    const int count = weights->model->student->arch.vocabulary;
    char path[RT_PATH_MAX + 16];
    struct rt_writer writer;

    if (!count)
        return RT_OK;
    for (int i = 0; i < count && *end; i++)
        end += strcspn(end, "\n") + (end[strcspn(end, "\n")] == '\n');
    (void)snprintf(path, sizeof path, "%.*s.vocab.txt", (int)(ending - w->output), w->output);
    RT_TRY(rt_writer_open(&writer, path, err));
    (void)fwrite(tokens, 1, (size_t)(end - tokens), writer.file);
    RT_TRY(rt_writer_commit(&writer, err));
    (void)printf("%s  its %d tokens, in the order of their ids: %s of %s\n", path, count,
                 note_of(weights, "tokens"), note_of(weights, "token_rules"));
    return RT_OK;
}

/* Beside the file, when it is a policy's: FILE.control.json in place of FILE's ending. */
static rt_status export_contract(const struct weights *weights, const struct wishes *w,
                                 struct rt_err *err)
{
    const char *ending = strrchr(w->output, '.');
    char path[RT_PATH_MAX + 16];

    if (!weights->model->input.controller)
        return RT_OK;
    (void)snprintf(path, sizeof path, "%.*s.control.json", (int)(ending - w->output), w->output);
    RT_TRY(tr_contract_write(path, weights->model, err));
    (void)printf("%s  names, order and ranges of what it observes and does\n", path);
    return RT_OK;
}

/* Options of the other format are no wishes that may be ignored. */
static int check(const struct wishes *w)
{
    const bool onnx = ends_with(w->output, ".onnx"), c = ends_with(w->output, ".c");
    const bool of_c = w->name || w->reentrant || w->selftest, of_onnx = w->form >= 0 || w->batch;

    if (w->format != AS_FILE && (onnx || c || of_c || of_onnx))
        return command_usage("export", "--format is of a folder, and the rest of .onnx or .c");
    if (w->format != AS_FILE)
        return COMMAND_DONE;
    if (!onnx && !c)
        return command_usage("export",
                             "'%.200s' ends neither in .onnx nor in .c; of a folder give --format",
                             w->output);
    if (onnx && of_c)
        return command_usage("export", "--name, --reentrant and --selftest are of C, not of ONNX");
    if (c && of_onnx)
        return command_usage("export", "--form and --batch are of ONNX, not of C");
    return COMMAND_DONE;
}

/* Either a study's database, or a student's weights. */
static int take_operands(int argc, char **argv, struct wishes *w)
{
    if (!command_operand("export", argc, argv, w->optuna ? "DB" : "WEIGHTS", &w->from))
        return COMMAND_USAGE;
    if (optind < argc && !w->optuna)
        w->candidate = argv[optind++];
    if (w->candidate && !w->db)
        w->db = w->from;
    if (!command_no_more("export", argc, argv))
        return COMMAND_USAGE;
    if (w->optuna)
        return !w->output ? COMMAND_DONE
                          : command_usage("export", "--optuna names the file; leave --output out");
    return w->output ? check(w) : command_usage("export", "no --output FILE");
}

static int parse(int argc, char **argv, struct wishes *w)
{
    static const char *const forms[] = {"codes", "qdq", NULL};
    static const char *const formats[] = {
        [AS_TORCH] = "torch", [AS_HUGGINGFACE] = "huggingface", NULL};
    const struct option longs[] = {
        {"output", required_argument, NULL, 'o'}, {"name", required_argument, NULL, 'n'},
        {"form", required_argument, NULL, 'f'},   {"batch", required_argument, NULL, 'b'},
        {"reentrant", no_argument, NULL, 'r'},    {"selftest", no_argument, NULL, 't'},
        {"format", required_argument, NULL, 'F'}, {"optuna", required_argument, NULL, 'O'},
        {"db", required_argument, NULL, 'd'},     {0}};
    bool good = true;

    *w = (struct wishes){.form = -1, .format = AS_FILE};
    for (int o; good && (o = command_option("export", argc, argv, "o:", longs)) != -1;) {
        switch (o) {
        case 'o': w->output = optarg; break;
        case 'n': w->name = optarg; break;
        case 'f': good = command_word("export", "--form", optarg, forms, &w->form); break;
        case 'b': good = command_int64("export", "--batch", optarg, 1, 65536, &w->batch); break;
        case 'r': w->reentrant = true; break;
        case 't': w->selftest = true; break;
        case 'O': w->optuna = optarg; break;
        case 'd': w->db = optarg; break;
        case 'F': good = command_word("export", "--format", optarg, formats, &w->format); break;
        default: good = false;
        }
    }
    return good ? take_operands(argc, argv, w) : COMMAND_USAGE;
}

static rt_status export_folder(const struct weights *weights, const struct wishes *w,
                               struct rt_err *err)
{
    RT_TRY(w->format == AS_TORCH ? tr_torch_write(w->output, weights->path, err)
                                 : tr_huggingface_write(w->output, weights->model, err));
    (void)printf("%s  a folder, of %s\n", w->output, weights->path);
    return RT_OK;
}

static rt_status export_file(const struct weights *weights, const struct wishes *w,
                             struct rt_err *err)
{
    struct stat made;

    RT_TRY(ends_with(w->output, ".c") ? export_c(weights, w, err) : export_onnx(weights, w, err));
    (void)printf("%s  %lld bytes, of %s\n", w->output,
                 stat(w->output, &made) ? -1LL : (long long)made.st_size, weights->path);
    RT_TRY(export_contract(weights, w, err));
    return export_vocabulary(weights, w, err);
}

/* In the study's database; one that cannot be written is no reason to fail. */
static void record(const struct weights *weights, const struct wishes *w)
{
    const char *const format = w->format == AS_TORCH         ? "torch"
                               : w->format == AS_HUGGINGFACE ? "huggingface"
                               : ends_with(w->output, ".c")  ? "c"
                                                             : "onnx";
    const char *arch = note_of(weights, "arch");
    struct store *store = NULL;
    struct rt_err err;

    if (!w->db)
        return;
    if (store_open(w->db, STORE_APPEND, NULL, &store, &err) ||
        exported_record(store, arch ? arch : "", format, weights->model->weights->int8, w->output,
                        &err))
        command_warn("export", "not recorded: %s", err.text);
    store_close(store);
}

static rt_status export_student(const struct wishes *w, struct rt_err *err)
{
    struct weights weights;

    RT_TRY(weights_open(&weights, w->from, w->candidate, err));
    rt_status rc = check_answers(&weights, err);
    if (rc == RT_OK)
        rc = w->format == AS_FILE ? export_file(&weights, w, err) : export_folder(&weights, w, err);
    if (rc == RT_OK)
        record(&weights, w);
    weights_close(&weights);
    return rc;
}

static int export_study(const struct wishes *w)
{
    struct store *store = command_open_read("export", w->from);
    struct rt_err err;

    if (!store)
        return COMMAND_FAILED;
    const rt_status rc = report_optuna(store, w->optuna, &err);
    store_close(store);
    if (rc == RT_OK)
        (void)printf("%s  sqlite:///%s for Optuna and its dashboard, as the study is now\n",
                     w->optuna, w->optuna);
    return rc == RT_OK ? COMMAND_DONE : command_failed("export", &err);
}

static int run(int argc, char **argv)
{
    struct wishes wishes;
    struct rt_err err;

    if (parse(argc, argv, &wishes) != COMMAND_DONE)
        return COMMAND_USAGE;
    if (wishes.optuna)
        return export_study(&wishes);
    return export_student(&wishes, &err) == RT_OK ? COMMAND_DONE : command_failed("export", &err);
}

const struct command command_export = {
    .name = "export",
    .use = "WEIGHTS | DB CANDIDATE -o FILE.onnx|FILE.c|DIR [OPTIONS], or DB --optuna FILE",
    .summary = "write a trained student for others to run, or a study for Optuna",
    .help =
        "WEIGHTS is a file that `retort distill -o` wrote: FILE.safetensors for floats, or\n"
        "FILE.int8.safetensors for int8. Of DB and CANDIDATE, it is the newest one written.\n"
        "What comes out takes the data as they are, bytes, and gives logits; the preprocessing\n"
        "is inside. A student of texts takes token ids, and FILE.vocab.txt beside it has the "
        "tokens.\n"
        "A policy takes what it observes and gives an action, remembers what it has "
        "to,\n"
        "and FILE.control.json beside it has names, order and ranges. docs/student.md tells more.\n"
        "\n"
        "  -o, --output FILE  .onnx: opset 17, for ONNX Runtime and others; .c: C99 without\n"
        "                     malloc, with its .h beside it, for anything with a compiler\n"
        "  --form FORM        of int8 ONNX: `codes` (integers kept in floats: the same sums on\n"
        "                     every CPU) or `qdq` (for engines that fuse quantised layers; x86\n"
        "                     without VNNI may compute wrong sums with it); codes by default\n"
        "  --batch N          of ONNX: exactly N examples a call; any number by default\n"
        "  --name NAME        of C: prefix of functions and, in capitals, macros; the file's\n"
        "                     name by default\n"
        "  --reentrant        of C: memory is a parameter, so that several calls may run at once\n"
        "  --selftest         of C: add NAME_selftest(), 0 when examples come out right there\n"
        "  --format FORMAT    -o is a folder: `torch`, a module of PyTorch and the weights;\n"
        "                     `huggingface`, what transformers loads as a ViT, where the student\n"
        "                     is one: of square images, with a class token, floats, and equal\n"
        "                     layers\n"
        "  --db DB            of WEIGHTS: record size and checksum there, as is done of DB and\n"
        "                     CANDIDATE (table `exported`)\n"
        "  --optuna FILE      in place of a student: all trials of DB as a database of Optuna's,\n"
        "                     for its dashboard and plots; a snapshot, to be made again, not to "
        "be\n"
        "                     gone on with\n",
    .run = run,
};
