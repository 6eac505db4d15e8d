/* cli/disk.c -- see disk.h. */
#include "cli/disk.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/after_plan.h"
#include "cli/command.h"
#include "cli/session.h"
#include "store/store.h"

/* What a database takes: itself, a trial of image students with its metrics, and each point of its
 * curves, 13 series. Measured of 36 trials with 2 and with 20 points. */
enum { file_bytes = 240000, row_bytes = 1400, point_bytes = 350 };

const char *disk_bytes(double bytes, char text[16])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;

    while (bytes >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        bytes /= 1024;
        unit++;
    }
    (void)snprintf(text, 16, bytes < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
    return text;
}

/* ---- trials ---- */

/* Of a database that goes on: trials that are done, and the seconds that one took. */
static void ask(const char *db, double value[2])
{
    static const char sql[] =
        "select count(*), (select avg(seconds) from execution where outcome = 'done') from trial"
        " where state in ('committed', 'failed')";
    struct store *store;
    sqlite3_stmt *q = NULL;

    if (store_open(db, STORE_READ, NULL, &store, NULL))
        return;
    if (sqlite3_prepare_v2(store_handle(store), sql, -1, &q, NULL) == SQLITE_OK &&
        sqlite3_step(q) == SQLITE_ROW) {
        value[0] = sqlite3_column_double(q, 0);
        value[1] = sqlite3_column_double(q, 1);
    }
    (void)sqlite3_finalize(q);
    store_close(store);
}

/* By the limit that ends it first. */
static double trials_to_come(const struct search_options *search, double done, double seconds)
{
    const double most = search->trials > 0 ? fmax((double)search->trials - done, 0) : INFINITY;
    const double paced = search->hours > 0 && seconds > 0
                             ? search->hours * 3600 / seconds * search->workers
                             : INFINITY;
    const double trials =
        search->workers > 0 ? fmin(most, paced) : most; /* else others set the pace */

    return isfinite(trials) ? trials : NAN;
}

static double largest_bytes(const struct study *study)
{
    struct space_arch largest;
    struct space_cost cost;

    space_largest(&study->space, &largest);
    space_cost_of(&largest, &study->space.shape, &cost);
    return (double)cost.bytes;
}

static void estimate_trials(const struct study *study, const char *db, double trials,
                            struct disk *disk)
{
    double value[2] = {0};
    struct stat file;
    const bool there = stat(db, &file) == 0;

    if (there)
        ask(db, value);
    disk->done = value[0];
    disk->trials = isnan(trials) ? trials_to_come(&study->search, disk->done, value[1]) : trials;
    disk->trial = disk->done > 0 ? fmax((double)file.st_size - file_bytes, 0) / disk->done
                                 : row_bytes + point_bytes * (double)study->recipe.curve_points;
    if (study->search.inherit != SEARCH_INHERIT_NONE)
        disk->trial += largest_bytes(study);
    disk->database =
        (there ? 0 : file_bytes) + disk->trial * (isnan(disk->trials) ? 1 : disk->trials);
}

/* ---- teachers ---- */

static bool is_there(const struct tr_ensemble_spec *spec, const char *name, const char *ending,
                     double *bytes)
{
    char path[RT_PATH_MAX + TR_TEACHER_NAME + 16];
    struct stat file;

    (void)snprintf(path, sizeof path, "%s/%s.%s", spec->folder, name, ending);
    const bool there = stat(path, &file) == 0;
    *bytes = there ? (double)file.st_size : 0;
    return there;
}

/* Of a recipe's layer-wise losses, where what they read is kept and is not there yet. */
static rt_status estimate_layers(const struct study *study, const struct tr_task *task,
                                 const struct tr_kernels *kernels, double *bytes,
                                 struct rt_err *err)
{
    const struct tr_recipe *recipe =
        tr_layers_on(&study->recipe.layers) ? &study->recipe : &study->full;
    const struct tr_teacher_spec *teacher = &study->teachers.teacher[recipe->layers.teacher];
    struct tr_kept_layers kept = {0};
    struct tr_network network;
    double there;
    bool keep = false;

    if (!tr_layers_on(&recipe->layers))
        return RT_OK;
    RT_TRY(tr_network_plan(&network, &teacher->arch, &task->shape, kernels, TR_NETWORK_TRACE, err));
    const rt_status rc =
        session_layers_plan(study, task, &network.student, recipe, &kept, &keep, err);
    (void)is_there(&study->teachers, teacher->name, "layers", &there);
    if (rc == RT_OK && keep)
        *bytes += fmax((double)kept.bytes - there, 0);
    tr_kept_layers_close(&kept);
    tr_network_close(&network);
    return rc;
}

/* Weights of those to be trained, the largest of them once more with its moments while it is. */
static rt_status estimate_cache(const struct study *study, const struct tr_task *task,
                                const struct tr_kernels *kernels, double *bytes, struct rt_err *err)
{
    const struct tr_ensemble_spec *spec = &study->teachers;
    double state = 0, there;

    for (int k = 0; k < spec->count; k++) {
        const struct tr_teacher_spec *teacher = &spec->teacher[k];
        if (teacher->kind != &tr_teacher_trained ||
            is_there(spec, teacher->name, "safetensors", &there))
            continue;
        const double weights = 4 * (double)tr_teacher_params(teacher, &task->shape);
        *bytes += weights;
        state = fmax(state, 3 * weights);
    }
    *bytes += state;
    if (!spec->live && !tr_teachers_cached(spec))
        *bytes += 4.0 * task->rows * space_parts(&task->shape) * spec->count * task->shape.classes;
    return estimate_layers(study, task, kernels, bytes, err);
}

/* ---- all ---- */

rt_status disk_estimate(const struct study *study, const char *db, const struct tr_task *task,
                        const struct tr_kernels *kernels, double trials, struct disk *disk,
                        struct rt_err *err)
{
    struct after_plan after;

    *disk = (struct disk){.done = 0};
    estimate_trials(study, db, trials, disk);
    if (study->own)
        return RT_OK;
    after_plan_make(study, db, disk->done + disk->trials, &after);
    disk->after = after.bytes;
    return estimate_cache(study, task, kernels, &disk->cache, err);
}

static void add(char text[DISK_TEXT], size_t *used, const char *what, double bytes)
{
    char number[16];

    if (bytes > 0 && *used < DISK_TEXT)
        *used += (size_t)snprintf(text + *used, DISK_TEXT - *used, "%s%s %s", *used ? ", " : "",
                                  what, disk_bytes(bytes, number));
}

/* "about 1.2 MiB still to be written (...), 4.3 GiB free" */
static void tell_place(char text[DISK_TEXT], const char *where, const char *parts, double need,
                       double room)
{
    char a[16], b[16];

    (void)snprintf(text, DISK_TEXT, "about %s still to be written%s%.200s (%s), %s free%s",
                   disk_bytes(need, a), where[0] ? " in " : "", where, parts, disk_bytes(room, b),
                   need > room ? ": NOT ENOUGH" : "");
}

rt_status disk_tell(const struct disk *disk, const struct study *study, const char *db,
                    char text[DISK_TEXT], bool *fits, struct rt_err *err)
{
    const char *cache = study->own || !(disk->cache > 0) ? db : study->teachers.folder;
    const bool together = rt_disk_shared(db, cache);
    char parts[DISK_TEXT] = "", other[DISK_TEXT];
    double room, cache_room, total, need = disk->database + disk->after;
    size_t used = 0;

    RT_TRY(rt_disk_room(db, &room, &total, err));
    RT_TRY(rt_disk_room(cache, &cache_room, &total, err));
    add(parts, &used, isnan(disk->trials) ? "database with a trial" : "database", disk->database);
    add(parts, &used, "teachers", together ? disk->cache : 0);
    add(parts, &used, "`after`", disk->after);
    need += together ? disk->cache : 0;
    tell_place(text, "", parts, need, room);
    *fits = need <= room && (together || disk->cache <= cache_room);
    if (together)
        return RT_OK;
    tell_place(other, cache, "teachers", disk->cache, cache_room);
    const size_t length = strlen(text);
    (void)snprintf(text + length, DISK_TEXT - length, "; %s", other);
    return RT_OK;
}

void disk_say(const char *command, const struct study *study, const char *db,
              const struct tr_task *task, const struct tr_kernels *kernels)
{
    char text[DISK_TEXT];
    struct disk disk;
    struct rt_err err;
    bool fits;

    if (disk_estimate(study, db, task, kernels, NAN, &disk, &err) ||
        disk_tell(&disk, study, db, text, &fits, &err))
        return;
    if (fits)
        (void)printf("%s: %s\n", db, text);
    else
        command_warn(command, "'%s': %s", db, text);
    (void)fflush(stdout);
}
