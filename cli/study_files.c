/* cli/study_files.c -- the files that trials of a study read, for machines that have them not yet. */
#include <string.h>
#include <unistd.h>

#include "cli/study_internal.h"

struct walk {
    const struct study *study;
    bool there; /* absolute words of commands, and nothing else */
    study_file_fn *visit;
    void *context;
    struct rt_err *err;
};

static rt_status visit(const struct walk *w, char *path)
{
    return path[0] && !w->there ? w->visit(w->context, path, w->err) : RT_OK;
}

static rt_status visit_there(const struct walk *w, const char *word)
{
    char path[RT_PATH_MAX];

    if (access(word, F_OK))
        return RT_OK;
    RT_TRY(rt_path_beside(w->study->path, word, path, w->err));
    return w->visit(w->context, path, w->err);
}

/* A word of a command that is a file beside the study, such as a script; where it runs is a folder of the
 * study's, too. Words are no paths: nobody may change them. */
static rt_status visit_word(const struct walk *w, const char *word, bool first)
{
    char path[RT_PATH_MAX];

    if (w->there && word[0] == '/')
        return visit_there(w, word);
    if ((first && !strchr(word, '/')) || word[0] == '/' || word[0] == '-' || !word[0])
        return RT_OK;
    RT_TRY(rt_path_beside(w->study->path, word, path, w->err));
    return visit(w, path);
}

static rt_status visit_words(const struct walk *w, const struct study_key *row, char *block)
{
    int count;

    memcpy(&count, block + row->count_at, sizeof count);
    for (int i = 0; i < count; i++)
        RT_TRY(visit_word(w, block + row->at + (size_t)i * row->bytes, i == 0));
    return RT_OK;
}

/* Of the task's own part. Tests are nothing that a trial reads. */
static rt_status visit_keys(const struct walk *w, const struct study_key *keys, char *block)
{
    for (const struct study_key *row = keys; row && row->key; row++) {
        if (row->value == STUDY_BLOCK)
            RT_TRY(visit_keys(w, row->keys, block));
        if (row->value == STUDY_PATH && !row->unhashed)
            RT_TRY(visit(w, block + row->at));
        if (row->value == STUDY_TEXT && row->entries && strcmp(row->key, "command") == 0)
            RT_TRY(visit_words(w, row, block));
    }
    return RT_OK;
}

static rt_status visit_teacher(const struct walk *w, struct tr_teacher_spec *teacher)
{
    if (teacher->command[0][0]) /* `source` is where it runs */
        for (int i = 0; i < TR_COMMAND_WORDS && teacher->command[i][0]; i++)
            RT_TRY(visit_word(w, teacher->command[i], i == 0));
    else
        RT_TRY(visit(w, teacher->source));
    RT_TRY(visit(w, teacher->train_logits));
    return visit(w, teacher->file);
}

static rt_status visit_all(const struct walk *w, struct study *study)
{
    const struct study_task *task = study_task_of(study);

    if (study->own) {
        for (int i = 0; study->external.argv[i]; i++)
            RT_TRY(visit_word(w, study->external.argv[i], i == 0));
        return RT_OK;
    }
    RT_TRY(visit_keys(w, task->data, (char *)study->block));
    RT_TRY(visit_keys(w, task->blocks, (char *)study->block));
    RT_TRY(visit(w, study->data.validation_rows));
    for (int k = 0; k < study->teachers.count; k++)
        RT_TRY(visit_teacher(w, &study->teachers.teacher[k]));
    return visit(w, study->teachers.folder);
}

rt_status study_files(struct study *study, study_file_fn *visitor, void *context,
                      struct rt_err *err)
{
    return visit_all(&(struct walk){study, false, visitor, context, err}, study);
}

rt_status study_files_there(struct study *study, study_file_fn *visitor, void *context,
                            struct rt_err *err)
{
    return visit_all(&(struct walk){study, true, visitor, context, err}, study);
}
