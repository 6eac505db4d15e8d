/* trainer/teachers/commanded.c -- a teacher that is a command: it is given the rows in one file and
 * writes its logits into another.
 *
 * Run       once for the training file and, when it is asked, once for the test file: the command's
 *           words, then ROWS, the file of the rows (tr_task_kind.write), and LOGITS.npy, which it
 *           writes: float32 or float64 (rows, classes). In the folder `source`; exit code 0.
 * Cache     what it wrote lies in the cache as a safetensors file, with a hash of all that it is made
 *           of: the words, the contents of those that are files, the rows. What else a command reads
 *           is its own affair. Answers of another hash are refused, never replaced unasked, since
 *           they may be all that is left of hours.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"
#include "trainer/export/safetensors.h"
#include "trainer/export/tensor_file.h"
#include "trainer/teachers/teachers_internal.h"

static const char made_of[] = "made_of"; /* key of that hash */

struct asked { /* what is asked of which teacher */
    const struct tr_teaching *teaching;
    const struct tr_teacher_spec *spec;
    const struct tr_task *task;
    const char *what;       /* "train" or "test" */
    char path[RT_PATH_MAX]; /* of the cached answers */
    char hash[RT_HASH_TEXT];
    size_t rows, classes;
};

/* ---- what answers are made of ---- */

static rt_status beside(const char *folder, const char *name, char path[RT_PATH_MAX],
                        struct rt_err *err)
{
    const bool whole = name[0] == '/';

    if (snprintf(path, RT_PATH_MAX, "%s%s%s", whole ? "" : folder, whole ? "" : "/", name) >=
        RT_PATH_MAX)
        return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", name);
    return RT_OK;
}

/* What is in a word that names a file; a program that PATH finds is none. */
static rt_status hash_word(struct rt_hash *hash, const char *folder, const char *word, bool program,
                           struct rt_err *err)
{
    char path[RT_PATH_MAX];
    struct rt_map map;
    struct stat found;

    rt_hash_add(hash, word, strlen(word) + 1);
    RT_TRY(beside(folder, word, path, err));
    if ((program && !strchr(word, '/')) || stat(path, &found) != 0 || !S_ISREG(found.st_mode) ||
        found.st_size == 0)
        return RT_OK;
    RT_TRY(rt_map_open(&map, path, err));
    rt_hash_add(hash, map.data, map.bytes);
    rt_map_close(&map);
    return RT_OK;
}

static void answers_name(const struct tr_teacher_spec *spec, const char *what,
                         char name[TR_TEACHER_NAME + 32])
{
    (void)snprintf(name, TR_TEACHER_NAME + 32, "%s.%s.safetensors", spec->name, what);
}

static rt_status ask(struct asked *asked, const struct tr_teaching *teaching, int k,
                     const struct tr_task *task, const char *what, struct rt_err *err)
{
    const struct tr_teacher_spec *spec = &teaching->spec->teacher[k];
    struct rt_hash *hash = rt_hash_open();
    char name[TR_TEACHER_NAME + 32];
    rt_status rc = RT_OK;

    *asked = (struct asked){.teaching = teaching, .spec = spec, .task = task, .what = what};
    asked->rows = (size_t)task->rows * (size_t)space_parts(teaching->shape);
    asked->classes = (size_t)teaching->shape->classes;
    assert(spec->command[0][0] && spec->source[0]);
    if (!hash)
        return rt_fail(err, RT_ENOMEM, "no memory to hash teacher '%s'", spec->name);
    for (int i = 0; i < TR_COMMAND_WORDS && spec->command[i][0] && rc == RT_OK; i++)
        rc = hash_word(hash, spec->source, spec->command[i], i == 0, err);
    rt_hash_add(hash, task->hash, strlen(task->hash) + 1);
    rt_hash_close(hash, asked->hash);
    answers_name(spec, what, name);
    return rc ? rc : beside(teaching->spec->folder, name, asked->path, err);
}

/* ---- running it ---- */

static rt_status why_failed(const struct asked *asked, struct rt_process *process, int status,
                            struct rt_err *err)
{
    const char *line = rt_process_last_line(process), *colon = *line ? ": " : "";
    const bool signal = WIFSIGNALED(status);

    return rt_fail(err, RT_EIO, "the command of teacher '%s' ended %s %d%s%.200s",
                   asked->spec->name, signal ? "by signal" : "with exit code",
                   signal ? WTERMSIG(status) : WEXITSTATUS(status), colon, line);
}

static rt_status run(const struct asked *asked, const char *rows, const char *logits,
                     struct rt_err *err)
{
    const struct tr_teaching *t = asked->teaching;
    char *argv[TR_COMMAND_WORDS + 3];
    struct rt_process process = {.kept = true};
    int words = 0, status = 0;

    for (; words < TR_COMMAND_WORDS && asked->spec->command[words][0]; words++)
        argv[words] = (char *)asked->spec->command[words];
    argv[words] = (char *)rows;
    argv[words + 1] = (char *)logits;
    argv[words + 2] = NULL;
    struct rt_err why = {0};
    rt_status rc = rt_process_start(&process, argv, asked->spec->source, &why);
    if (rc)
        return rt_fail(err, rc, "teacher '%s': %.300s", asked->spec->name, why.text);
    if (!rt_process_wait(&process, 0, t->stop, t->hear, t->progress_context, &status))
        rc = rt_fail(err, RT_ESTOP, "the command of teacher '%s' was asked to stop",
                     asked->spec->name);
    else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        rc = why_failed(asked, &process, status, err);
    else if (access(logits, F_OK) != 0)
        rc = rt_fail(err, RT_EIO,
                     "the command of teacher '%s' ended well but wrote no '%.200s'; it is to write "
                     "the file that its last argument names",
                     asked->spec->name, logits);
    rt_process_release(&process);
    return rc;
}

/* Its answers into the cache. */
static rt_status keep(const struct asked *asked, const struct tr_matrix *matrix, struct rt_err *err)
{
    const struct tr_named tensor = {.name = "logits",
                                    .dims = 2,
                                    .shape = {(int)matrix->rows, (int)matrix->columns},
                                    .values = matrix->values};
    const struct tr_metadata notes[] = {{made_of, asked->hash}, {NULL, NULL}};

    return tr_safetensors_write_named(asked->path, &tensor, 1, notes, err);
}

/* By its own files in the cache, which are gone afterwards. */
static rt_status run_between(const struct asked *asked, const char *folder,
                             struct tr_matrix *matrix, struct rt_err *err)
{
    const struct tr_task_kind *kind = asked->task->kind;
    char rows[RT_PATH_MAX], logits[RT_PATH_MAX], name[TR_TEACHER_NAME + 64];
    rt_status rc;

    (void)snprintf(name, sizeof name, "%s.%s.rows-", asked->spec->name, asked->what);
    RT_TRY(beside(folder, name, rows, err));
    rt_file_remove_left_over(rows);
    (void)snprintf(name, sizeof name, "%s.%s.logits-", asked->spec->name, asked->what);
    RT_TRY(beside(folder, name, logits, err));
    rt_file_remove_left_over(logits);
    (void)snprintf(name, sizeof name, "%s.%s.rows-%ld%s", asked->spec->name, asked->what,
                   (long)getpid(), kind->written);
    RT_TRY(beside(folder, name, rows, err));
    (void)snprintf(name, sizeof name, "%s.%s.logits-%ld.npy", asked->spec->name, asked->what,
                   (long)getpid());
    RT_TRY(beside(folder, name, logits, err));
    if ((rc = kind->write(asked->task, rows, err)) == RT_OK &&
        (rc = run(asked, rows, logits, err)) == RT_OK) {
        struct rt_err why = {0};
        rc = tr__logits_read(logits, asked->rows, asked->classes, matrix, &why);
        if (rc)
            (void)rt_fail(err, rc, "teacher '%s': %.340s", asked->spec->name, why.text);
    }
    (void)unlink(rows);
    (void)unlink(logits);
    return rc;
}

static rt_status run_and_keep(const struct asked *asked, struct tr_matrix *matrix,
                              struct rt_err *err)
{
    char here[RT_PATH_MAX], folder[RT_PATH_MAX];

    if (!asked->task->kind->write)
        return rt_fail(err, RT_EARG,
                       "teacher '%s' is a command, and rows of the task '%s' are in no file",
                       asked->spec->name, asked->task->kind->name);
    RT_TRY(rt_folder_make(asked->teaching->spec->folder, err));
    if (!getcwd(here, sizeof here))
        return rt_fail(err, RT_EIO, "cannot tell the current folder: %s", strerror(errno));
    RT_TRY(beside(here, asked->teaching->spec->folder, folder, err)); /* it runs elsewhere */
    rt_status rc = run_between(asked, folder, matrix, err);
    if (rc == RT_OK && (rc = keep(asked, matrix, err)) != RT_OK)
        tr_matrix_release(matrix);
    return rc;
}

/* ---- what it said ---- */

static rt_status take(const struct asked *asked, const struct tr_tensor_file *file,
                      struct tr_matrix *matrix, struct rt_err *err)
{
    const char *note = tr_tensor_file_note(file, made_of);
    struct tr_stored stored;

    if (!note || strcmp(note, asked->hash) != 0)
        return rt_fail(err, RT_EMISMATCH,
                       "what teacher '%s' said in '%.200s' is of other data, or its command or a "
                       "file of it has changed; 'retort teach --retrain %s' asks it again",
                       asked->spec->name, asked->path, asked->spec->name);
    if (!tr_tensor_file_find(file, "logits", &stored) || stored.type != TR_STORED_F32 ||
        stored.dims != 2 || stored.count != asked->rows * asked->classes)
        return rt_fail(err, RT_EFORMAT, "'%.200s' holds no logits; remove it", asked->path);
    *matrix = (struct tr_matrix){asked->rows, asked->classes, NULL};
    matrix->values = malloc(stored.count * sizeof *matrix->values);
    if (!matrix->values)
        return rt_fail(err, RT_ENOMEM, "no memory for the logits of teacher '%s'",
                       asked->spec->name);
    memcpy(matrix->values, stored.values, stored.count * sizeof *matrix->values);
    return RT_OK;
}

static rt_status recall(const struct asked *asked, struct tr_matrix *matrix, struct rt_err *err)
{
    struct tr_tensor_file file;

    RT_TRY(tr_tensor_file_open(&file, asked->path, err));
    const rt_status rc = take(asked, &file, matrix, err);
    tr_tensor_file_close(&file);
    return rc;
}

/* Into column k of out, and hashed; either may be NULL. */
static void give(const struct asked *asked, struct tr_matrix *matrix, int k, float *out, char *hash)
{
    if (hash)
        rt_hash_bytes(matrix->values, matrix->rows * matrix->columns * sizeof(float), hash);
    if (out)
        tr__interleave(matrix->values, (int)asked->rows, (int)asked->classes, k,
                       asked->teaching->spec->count, out);
    tr_matrix_release(matrix);
}

/* What it said of a test before it was asked again. */
static rt_status forget_test(const struct tr_teaching *teaching, int k, struct rt_err *err)
{
    char name[TR_TEACHER_NAME + 32], path[RT_PATH_MAX];

    answers_name(&teaching->spec->teacher[k], "test", name);
    RT_TRY(beside(teaching->spec->folder, name, path, err));
    if (unlink(path) != 0 && errno != ENOENT)
        return rt_fail(err, RT_EIO, "cannot remove '%.200s': %s", path, strerror(errno));
    return RT_OK;
}

/* ---- the kind ---- */

static void describe(const struct tr_teacher_spec *spec, const struct space_shape *shape,
                     char arch[SPACE_ARCH_TEXT], int64_t *params)
{
    (void)shape;
    arch[0] = '\0';
    *params = spec->params;
}

static rt_status consult(const struct tr_teaching *teaching, int k, bool may_train,
                         char hash[RT_HASH_TEXT], float *out, struct rt_err *err)
{
    struct tr_matrix matrix;
    struct asked asked;

    RT_TRY(ask(&asked, teaching, k, teaching->task, "train", err));
    const bool missing = access(asked.path, F_OK) != 0;
    if (may_train && (missing || teaching->retrain[k])) {
        RT_TRY(run_and_keep(&asked, &matrix, err));
        const rt_status rc = teaching->retrain[k] ? forget_test(teaching, k, err) : RT_OK;
        if (rc) {
            tr_matrix_release(&matrix);
            return rc;
        }
    } else if (missing)
        return rt_fail(err, RT_EIO,
                       "teacher '%s' was not asked yet: '%.200s' is missing; "
                       "'retort teach' runs its command",
                       asked.spec->name, asked.path);
    else
        RT_TRY(recall(&asked, &matrix, err));
    give(&asked, &matrix, k, out, hash);
    return RT_OK;
}

/* Asked for once, when they are needed; of another test file they are refused as those of training. */
static rt_status predict(const struct tr_teaching *teaching, int k, const struct tr_task *test,
                         float *out, struct rt_err *err)
{
    struct tr_matrix matrix;
    struct asked asked;

    RT_TRY(ask(&asked, teaching, k, test, "test", err));
    if (access(asked.path, F_OK) != 0)
        RT_TRY(run_and_keep(&asked, &matrix, err));
    else
        RT_TRY(recall(&asked, &matrix, err));
    give(&asked, &matrix, k, out, NULL);
    return RT_OK;
}

static rt_status check(const struct tr_teaching *teaching, int k, const struct tr_task *test,
                       struct rt_err *err)
{
    char hash[RT_HASH_TEXT];

    (void)test; /* it is asked when it is needed */
    return consult(teaching, k, false, hash, NULL, err);
}

const struct tr_teacher_kind tr_teacher_commanded = {
    .name = "commanded",
    .gives = TR_TRAINED_HERE | TR_ANSWERS_ANY,
    .describe = describe,
    .consult = consult,
    .predict = predict,
    .check = check,
};
