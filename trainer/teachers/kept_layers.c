/* trainer/teachers/kept_layers.c -- see kept_layers.h. */
#include "trainer/teachers/kept_layers.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/gate.h"
#include "trainer/net/student_trace.h"

#define MAGIC "RTLAYS\r\n"
/* block: train rows of one hash; piece: rows of one pass */
enum { head_bytes = 64, sum_bytes = RT_HASH_TEXT - 1, block = 256, piece = 8 };

/* ---- places ---- */

static int blocks_of(const struct tr_split *split)
{
    return (split->train_count + block - 1) / block;
}

/* The train rows of a block. */
static const int *rows_of(const struct tr_split *split, ptrdiff_t b)
{
    return split->train + b * block;
}

/* Where a block begins in the file, and where it ends, its hash included. */
static int64_t begin_of(const struct tr_kept_layers *kept, const struct tr_split *split, int b)
{
    return kept->first[*rows_of(split, b)];
}
static int64_t end_of(const struct tr_kept_layers *kept, const struct tr_split *split, int b)
{
    return b + 1 < blocks_of(split) ? begin_of(kept, split, b + 1) : kept->bytes;
}

static size_t floats_of_token(const struct tr_student *network, const struct tr_layer_parts *parts)
{
    size_t floats = 0;

    for (int l = 0; l < network->arch.depth; l++) {
        floats += parts->stream[l + 1] ? (size_t)network->arch.width : 0;
        floats += parts->qkv[l] ? (size_t)network->plan->block[l].query.out : 0;
    }
    return floats;
}

static void place(struct tr_kept_layers *kept, const struct tr_task *task, struct tr_batch *batch)
{
    const struct tr_split *split = &task->split;

    kept->bytes = head_bytes;
    for (int b = 0; b < blocks_of(split); b++) {
        const int *rows = rows_of(split, b), left = split->train_count - b * block;
        const int n = left < block ? left : block;
        task->kind->fill(task, rows, n, batch);
        for (int m = 0; m < n; m++) {
            kept->first[rows[m]] = kept->bytes;
            kept->bytes += (int64_t)(batch->start[m + 1] - batch->start[m]) *
                           (int64_t)(kept->width * sizeof(float));
        }
        kept->bytes += sum_bytes;
    }
}

static rt_status batch_open(struct tr_batch *batch, const struct tr_student *network,
                            int vocabulary, int room, struct rt_arena *arena, struct rt_err *err)
{
    struct space_arch arch = network->arch;

    arch.vocabulary = vocabulary;
    return tr_batch_init(batch, &arch, &network->shape, room, arena, err);
}

rt_status tr_kept_layers_plan(struct tr_kept_layers *kept, const struct tr_task *task,
                              const struct tr_student *network, int vocabulary,
                              const struct tr_layer_parts *parts, struct rt_err *err)
{
    struct rt_arena arena;
    struct tr_batch batch;
    rt_status rc;

    assert(!task->kind->feed && !parts->stream[0]);
    *kept = (struct tr_kept_layers){
        .parts = *parts, .vocabulary = vocabulary, .width = floats_of_token(network, parts)};
    rt_arena_init_counting(&arena);
    (void)batch_open(&batch, network, vocabulary, block, &arena, NULL);
    RT_TRY(rt_arena_init(&arena, arena.used, err));
    kept->first = malloc((size_t)task->rows * sizeof *kept->first);
    rc = kept->first ? batch_open(&batch, network, vocabulary, block, &arena, err)
                     : rt_fail(err, RT_ENOMEM, "no memory for the places of %d rows", task->rows);
    for (int i = 0; i < task->rows && rc == RT_OK; i++)
        kept->first[i] = -1;
    if (rc == RT_OK)
        place(kept, task, &batch);
    rt_arena_release(&arena);
    return rc;
}

/* ---- one pass over what is missing ---- */

struct asking {
    const struct tr_kept_layers *kept;
    const struct tr_teaching *teaching;
    const struct tr_network *network;
    int deepest; /* of its blocks that are kept */
    struct rt_arena arena;
    struct asker { /* one thread's */
        struct tr_batch batch;
        struct tr_trace trace;
    } *asker;
    unsigned char *values; /* of one block, its hash included */
};

static rt_status askers_init(struct asking *a, struct rt_arena *arena, struct rt_err *err)
{
    const struct tr_student *network = &a->network->student;

    for (int t = 0; t < a->teaching->threads; t++) {
        RT_TRY(batch_open(&a->asker[t].batch, network, a->kept->vocabulary, piece, arena, err));
        RT_TRY(tr__trace_init(&a->asker[t].trace, network, piece, arena, err));
    }
    return rt_arena_check(arena, "a teacher's inner layers", err);
}

static rt_status asking_open(struct asking *a, struct rt_err *err)
{
    const struct tr_split *split = &a->teaching->task->split;
    size_t most = sum_bytes;

    for (int b = 0; b < blocks_of(split); b++) {
        const int64_t bytes = end_of(a->kept, split, b) - begin_of(a->kept, split, b);
        most = (size_t)bytes > most ? (size_t)bytes : most;
    }
    for (int l = 0; l < a->network->student.arch.depth; l++)
        if (a->kept->parts.stream[l + 1] || a->kept->parts.qkv[l])
            a->deepest = l + 1;
    a->asker = calloc((size_t)a->teaching->threads, sizeof *a->asker);
    a->values = malloc(most);
    if (!a->asker || !a->values)
        return rt_fail(err, RT_ENOMEM, "no memory to ask for a teacher's inner layers");
    rt_arena_init_counting(&a->arena);
    (void)askers_init(a, &a->arena, NULL);
    RT_TRY(rt_arena_init(&a->arena, a->arena.used, err));
    return askers_init(a, &a->arena, err);
}

static void asking_close(struct asking *a)
{
    rt_arena_release(&a->arena);
    free(a->asker);
    free(a->values);
}

/* One example's tokens, from its rows of the trace; returns what lies behind them. */
static float *pack(const struct asking *a, const struct asker *from, int m, float *to)
{
    const struct tr_student *network = &a->network->student;
    const ptrdiff_t d = network->arch.width;

    for (ptrdiff_t r = from->batch.start[m]; r < from->batch.start[m + 1]; r++)
        for (int l = 0; l < network->arch.depth; l++) {
            const ptrdiff_t qkv = network->plan->block[l].query.out;
            if (a->kept->parts.stream[l + 1]) {
                memcpy(to, from->trace.stream[l + 1] + r * tr__padded((int)d),
                       (size_t)d * sizeof *to);
                to += d;
            }
            if (a->kept->parts.qkv[l]) {
                memcpy(to, from->trace.qkv[l] + r * tr__padded((int)qkv), (size_t)qkv * sizeof *to);
                to += qkv;
            }
        }
    return to;
}

/* Rows first .. first + n - 1 of the train rows, into their places in the block's values. */
static void ask_piece(const struct asking *a, struct asker *with, int first, int n)
{
    const struct tr_task *task = a->teaching->task;
    const int *rows = task->split.train + first;
    const int64_t begin = begin_of(a->kept, &task->split, first / block);
    float *to = (float *)(void *)(a->values + (a->kept->first[rows[0]] - begin));

    task->kind->fill(task, rows, n, &with->batch);
    tr__trace_run(&with->trace, &a->network->student, &a->network->weights, &with->batch,
                  a->deepest);
    for (int m = 0; m < n; m++)
        to = pack(a, with, m, to);
    rt_gate_pass();
}

static void ask_block(const struct asking *a, int b)
{
    const int rows = a->teaching->task->split.train_count, threads = a->teaching->threads;
    const int end = (b + 1) * block < rows ? (b + 1) * block : rows;
    const int pieces = (end - b * block + piece - 1) / piece;

#pragma omp parallel for default(none) num_threads(threads) schedule(static, 1) if (threads > 1)   \
    shared(a, b, end, pieces, threads)
    for (int t = 0; t < threads; t++)
        for (int p = t; p < pieces; p += threads) {
            const int first = b * block + p * piece;
            ask_piece(a, &a->asker[t], first, end - first < piece ? end - first : piece);
        }
}

static rt_status ask(struct asking *a, FILE *file, int known, const char *name, struct rt_err *err)
{
    const struct tr_teaching *t = a->teaching;
    const struct tr_split *split = &t->task->split;
    const int blocks = blocks_of(split);

    for (int b = known; b < blocks; b++) {
        const int64_t begin = begin_of(a->kept, split, b);
        const size_t bytes = (size_t)(end_of(a->kept, split, b) - begin) - sum_bytes;
        char sum[RT_HASH_TEXT];
        if (t->stop && atomic_load_explicit(t->stop, memory_order_relaxed))
            return rt_fail(err, RT_ESTOP, "teacher '%s' was asked to stop at block %d of %d", name,
                           b, blocks);
        ask_block(a, b);
        rt_hash_bytes(a->values, bytes, sum);
        if (fwrite(a->values, 1, bytes, file) != bytes ||
            fwrite(sum, 1, sum_bytes, file) != sum_bytes || fflush(file) != 0)
            return rt_fail(err, errno == ENOSPC ? RT_EFULL : RT_EIO,
                           "cannot write what inner layers of teacher '%s' say: %s", name,
                           strerror(errno));
        if (t->progress)
            t->progress(t->progress_context, name, b + 1, blocks);
    }
    return RT_OK;
}

/* ---- the file ---- */

/* Of all that its values depend on. */
static rt_status hash_of(const struct tr_kept_layers *kept, const struct tr_teaching *teaching,
                         const char *teacher_hash, char hash[RT_HASH_TEXT], struct rt_err *err)
{
    const struct tr_task *task = teaching->task;
    const int shape[] = {kept->vocabulary, task->shape.length, block};
    struct rt_hash *all = rt_hash_open();

    if (!all)
        return rt_fail(err, RT_ENOMEM, "no memory to hash a teacher");
    rt_hash_add(all, teacher_hash, RT_HASH_TEXT);
    rt_hash_add(all, task->hash, RT_HASH_TEXT);
    rt_hash_add(all, task->split.train, (size_t)task->split.train_count * sizeof(int));
    rt_hash_add(all, kept->parts.stream, sizeof kept->parts.stream);
    rt_hash_add(all, kept->parts.qkv, sizeof kept->parts.qkv);
    rt_hash_add(all, shape, sizeof shape);
    rt_hash_add(all, teaching->kernels->name, strlen(teaching->kernels->name));
    rt_hash_close(all, hash);
    return RT_OK;
}

static bool is_set(const atomic_int *stop)
{
    return stop && atomic_load(stop);
}

/* How many blocks in front are whole, if the file begins with that head; fewer when it is to stop. */
static int whole_blocks(const struct tr_kept_layers *kept, const struct tr_split *split,
                        const struct rt_map *map, const char *head, const atomic_int *stop)
{
    int b = 0;

    if (map->bytes < head_bytes || memcmp(map->data, head, head_bytes) != 0)
        return 0;
    for (; b < blocks_of(split) && !is_set(stop); b++) {
        const int64_t begin = begin_of(kept, split, b);
        const int64_t end = end_of(kept, split, b);
        char sum[RT_HASH_TEXT];
        if ((int64_t)map->bytes < end)
            break;
        rt_hash_bytes(map->data + begin, (size_t)(end - begin) - sum_bytes, sum);
        if (memcmp(map->data + end - sum_bytes, sum, sum_bytes) != 0)
            break;
    }
    return b;
}

static rt_status check_room(const struct tr_kept_layers *kept, const char *path, int64_t there,
                            const char *name, struct rt_err *err)
{
    double room, total;

    RT_TRY(rt_disk_room(path, &room, &total, err));
    if (room < (double)(kept->bytes - there))
        return rt_fail(
            err, RT_EFULL,
            "what inner layers of teacher '%s' say takes %.3g GB, and the disk of '%s' has "
            "%.3g GB; make room, or lower teachers.layers_limit: then it runs beside "
            "the students",
            name, (double)kept->bytes / 1e9, path, room / 1e9);
    return RT_OK;
}

/* Behind `known` whole blocks. */
static rt_status extend(const struct tr_kept_layers *kept, const struct tr_teaching *teaching,
                        const struct tr_network *network, const char *path, const char *head,
                        int known, const char *name, struct rt_err *err)
{
    const struct tr_split *split = &teaching->task->split;
    struct asking asking = {.kept = kept, .teaching = teaching, .network = network};
    const int64_t at = known ? end_of(kept, split, known - 1) : head_bytes;
    rt_status rc;

    RT_TRY(rt_folder_make_for(path, err));
    RT_TRY(check_room(kept, path, at, name, err));
    FILE *file = fopen(path, known ? "r+b" : "wb");
    if (!file || (known ? fseeko(file, at, SEEK_SET) != 0
                        : fwrite(head, 1, head_bytes, file) != head_bytes)) {
        rc = rt_fail(err, RT_EIO, "cannot write '%s': %s", path, strerror(errno));
    } else {
        if ((rc = asking_open(&asking, err)) == RT_OK)
            rc = ask(&asking, file, known, name, err);
        asking_close(&asking);
    }
    if (file && fclose(file) != 0 && rc == RT_OK)
        rc = rt_fail(err, RT_EIO, "cannot write '%s': %s", path, strerror(errno));
    return rc;
}

rt_status tr_kept_layers_open(struct tr_kept_layers *kept, const struct tr_teaching *teaching,
                              int k, const char *teacher_hash, const struct tr_network *network,
                              struct rt_err *err)
{
    const struct tr_split *split = &teaching->task->split;
    const char *name = teaching->spec->teacher[k].name;
    char path[RT_PATH_MAX], *head = kept->head;
    struct rt_map map = {0};
    int known = 0;

    assert(kept->first && !kept->map.data && sizeof kept->head == head_bytes);
    if (snprintf(path, sizeof path, "%s/%s.layers", teaching->spec->folder, name) >=
        (int)sizeof path)
        return rt_fail(err, RT_EIO, "the path of the teachers' cache is too long");
    memcpy(head, MAGIC, sizeof MAGIC - 1);
    RT_TRY(hash_of(kept, teaching, teacher_hash, head + sizeof MAGIC - 1, err));
    if (rt_map_open(&map, path, NULL) == RT_OK)
        known = whole_blocks(kept, split, &map, head, NULL);
    rt_map_close(&map);
    if (known < blocks_of(split))
        RT_TRY(extend(kept, teaching, network, path, head, known, name, err));
    RT_TRY(rt_map_open(&kept->map, path, err));
    if ((int64_t)kept->map.bytes == kept->bytes)
        return RT_OK;
    rt_map_close(&kept->map);
    return rt_fail(err, RT_EFORMAT, "'%s' has another size than was written; remove it", path);
}

rt_status tr_kept_layers_look(const struct tr_kept_layers *kept, const struct tr_split *split,
                              const atomic_int *stop, struct rt_err *err)
{
    int64_t written_ns = 0;
    const enum rt_map_state state =
        kept->map.data ? rt_map_look(&kept->map, &written_ns) : RT_MAP_SAME;
    const char *path = state == RT_MAP_SAME ? NULL : rt_map_at(kept->map.data);
    const bool whole = path && state != RT_MAP_CUT &&
                       whole_blocks(kept, split, &kept->map, kept->head, stop) == blocks_of(split);

    if (whole)
        rt_map_accept(&kept->map, written_ns);
    if (!path || whole || (state != RT_MAP_CUT && is_set(stop)))
        return RT_OK;
    return rt_fail(err, RT_EDIRTY, "'%s' was %s while it was learnt from; stop what writes there",
                   path, state == RT_MAP_CUT ? "cut short" : "written into");
}

void tr_kept_layers_close(struct tr_kept_layers *kept)
{
    free(kept->first);
    rt_map_close(&kept->map);
    *kept = (struct tr_kept_layers){0};
}

/* ---- reading ---- */

/* n floats of one part, which move on; zeros where nothing is there. */
static void give(const float **from, float *to, ptrdiff_t n)
{
    if (*from)
        memcpy(to, *from, (size_t)n * sizeof *to);
    else
        memset(to, 0, (size_t)n * sizeof *to);
    *from += *from ? n : 0;
}

void tr_kept_layers_read(const struct tr_kept_layers *kept, const struct tr_student *network,
                         const int *rows, const struct tr_batch *batch, struct tr_trace *trace)
{
    const int d = network->arch.width;

    assert(batch->vocabulary == kept->vocabulary && batch->examples <= trace->room);
    for (int m = 0; m < batch->examples; m++) {
        const float *from = NULL;
        assert(kept->first[rows[m]] >= head_bytes); /* a train row */
        if (kept->map.data)
            from = (const float *)(const void *)(kept->map.data + kept->first[rows[m]]);
        for (ptrdiff_t r = batch->start[m]; r < batch->start[m + 1]; r++)
            for (int l = 0; l < network->arch.depth; l++) {
                const int qkv = network->plan->block[l].query.out;
                if (kept->parts.stream[l + 1])
                    give(&from, trace->stream[l + 1] + r * tr__padded(d), d);
                if (kept->parts.qkv[l])
                    give(&from, trace->qkv[l] + r * tr__padded(qkv), qkv);
            }
    }
}
