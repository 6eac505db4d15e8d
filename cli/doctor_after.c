/* cli/doctor_after.c -- the part of `retort doctor` that looks at what a study writes: the disk, the
 * permissions, and the stages of `after:`, which begin when nobody looks on any more.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "cli/after_plan.h"
#include "cli/checkpoints.h"
#include "cli/disk.h"
#include "cli/doctor.h"
#include "trainer/export/huggingface.h"

void doctor_disk(struct doctor *doctor, const struct study *study, const struct tr_task *task,
                 const struct tr_kernels *kernels)
{
    char text[DISK_TEXT];
    struct disk disk;
    struct rt_err err;
    bool fits;

    if (disk_estimate(study, study->store, task, kernels, NAN, &disk, &err) ||
        disk_tell(&disk, study, study->store, text, &fits, &err))
        doctor_say(doctor, VERDICT_FAIL, "disk", "%s", err.text);
    else
        doctor_say(doctor, fits ? VERDICT_OK : VERDICT_WARN, "disk", "%s", text);
}

/* What is there, or else its folder, or the one of that. */
static bool may_write(const char *path)
{
    char folder[RT_PATH_MAX];

    (void)snprintf(folder, sizeof folder, "%s", path);
    while (access(folder, F_OK) && errno == ENOENT) {
        char *slash = strrchr(folder, '/');
        if (strcmp(folder, ".") == 0 || strcmp(folder, "/") == 0)
            return false;
        if (slash)
            slash[slash == folder] = '\0';
        else
            (void)snprintf(folder, sizeof folder, ".");
    }
    return access(folder, W_OK) == 0;
}

void doctor_writable(struct doctor *doctor, const char *what, const char *path, bool folder)
{
    struct stat about;

    if (!may_write(path))
        doctor_say(doctor, VERDICT_FAIL, what, "'%s' cannot be written: %s", path,
                   errno ? strerror(errno) : "its folder is not there");
    else if (folder && stat(path, &about) == 0 && !S_ISDIR(about.st_mode))
        doctor_say(doctor, VERDICT_FAIL, what, "'%s' is in the way of a folder", path);
}

/* ---- stages ---- */

enum { drawn = 32 };

/* Of the students of this space how many no such folder can be made of, and why of the last of these. */
static int refused(const struct study *study, bool images, const char **why)
{
    struct space_arch arch;
    struct rt_rng rng;
    int count = 0;

    rt_rng_init(&rng, study->seed, RT_STREAM_LATENCY, 3);
    for (int i = 0; i < drawn; i++) {
        space_sample(&study->space, &rng, &arch);
        const char *reason =
            images ? tr_huggingface_why_not(&arch, &study->space.shape) : "it reads no images";
        *why = reason ? reason : *why;
        count += reason != NULL;
    }
    return count;
}

static void check_exports(struct doctor *doctor, const struct study *study, bool acts)
{
    const struct study_after *after = &study->after;

    for (int i = 0; i < after->export_count; i++) {
        const char *why = "";
        if (after->export[i] != STUDY_HUGGINGFACE)
            continue;
        const int count = refused(study, !acts, &why);
        if (count > 0)
            doctor_say(doctor, count == drawn ? VERDICT_FAIL : VERDICT_WARN, "export",
                       "huggingface: %s students can be no ViT: %s",
                       count == drawn ? "this study's" : "some", why);
    }
}

/* Those that can only be measured on a test file. */
static bool wants_test(const struct study_gates *gates)
{
    return gates->accuracy_retention > 0 || gates->agreement > 0 ||
           gates->int8_accuracy_retention > 0;
}

void doctor_after(struct doctor *doctor, const struct study *study, const struct tr_task *train,
                  bool tested)
{
    const bool acts = train->kind->act != NULL;
    struct after_plan plan;
    char folder[RT_PATH_MAX];
    struct rt_err err;

    after_plan_make(study, study->store,
                    study->search.trials > 0 ? (double)study->search.trials : (double)NAN, &plan);
    if (!plan.asked)
        return;
    doctor_say(doctor, VERDICT_OK, "after",
               "%.0f full runs, %.0f students and %.0f exports, of a front of %.0f%s", plan.runs,
               plan.students, plan.exports, plan.members,
               plan.known ? "" : ", which nobody knows yet");
    if (checkpoints_beside(study->store, "students", folder, &err))
        doctor_say(doctor, VERDICT_FAIL, "after", "%s", err.text);
    else
        doctor_writable(doctor, "after", folder, true);
    check_exports(doctor, study, acts);
    if (plan.students > 0 && !tested && !acts && wants_test(&study->gates))
        doctor_say(doctor, VERDICT_WARN, "gates",
                   "none that is about answers can pass: there is no test file, or a teacher "
                   "without an answer to it");
}
