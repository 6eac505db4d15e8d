/* trainer/task/image/images.c -- see images.h. */
#include "trainer/task/image/images.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "trainer/task/image/idx.h"

enum { most_classes = 256 };

static rt_status check_labels(const struct tr_idx *labels, const char *path, int *classes,
                              struct rt_err *err)
{
    int largest = 0;

    for (int i = 0; i < labels->size[0]; i++) {
        const int label = labels->data[i];
        if (*classes && label >= *classes)
            return rt_fail(err, RT_EFORMAT,
                           "'%s' has label %d at row %d, but data.classes is %d (labels 0 to %d)",
                           path, label, i, *classes, *classes - 1);
        largest = label > largest ? label : largest;
    }
    if (!*classes)
        *classes = largest + 1;
    if (*classes < 2)
        return rt_fail(err, RT_EFORMAT, "'%s' has a single class; want at least 2", path);
    return RT_OK;
}

static rt_status hash_images(struct tr_images *images, struct rt_err *err)
{
    const int sizes[5] = {images->count, images->height, images->width, images->channels,
                          images->classes};
    struct rt_hash *hash = rt_hash_open();

    if (!hash)
        return rt_fail(err, RT_ENOMEM, "no memory to hash the images");
    rt_hash_add(hash, sizes, sizeof sizes);
    rt_hash_add(hash, images->pixels,
                (size_t)images->count * images->height * images->width * images->channels);
    rt_hash_add(hash, images->labels, (size_t)images->count * sizeof *images->labels);
    rt_hash_close(hash, images->hash);
    return RT_OK;
}

rt_status tr_images_load_idx(struct tr_images *images, const char *image_path,
                             const char *label_path, int classes, struct rt_err *err)
{
    struct tr_idx pixels = {0}, labels = {0};
    struct tr_images loaded;
    int *wide = NULL;
    rt_status rc;

    if (classes && (classes < 2 || classes > most_classes))
        return rt_fail(err, RT_EARG,
                       "data.classes is %d, want 2 to %d, or 0 to take it from the labels", classes,
                       most_classes);
    if ((rc = tr_idx_read(image_path, 3, &pixels, err)) ||
        (rc = tr_idx_read(label_path, 1, &labels, err)) ||
        (rc = check_labels(&labels, label_path, &classes, err)))
        goto done;
    if (pixels.size[0] != labels.size[0]) {
        rc = rt_fail(err, RT_EFORMAT, "'%s' has %d images but '%s' has %d labels", image_path,
                     pixels.size[0], label_path, labels.size[0]);
        goto done;
    }
    wide = malloc((size_t)labels.size[0] * sizeof *wide);
    if (!wide) {
        rc = rt_fail(err, RT_ENOMEM, "no memory for the labels of '%s'", label_path);
        goto done;
    }
    for (int i = 0; i < labels.size[0]; i++)
        wide[i] = labels.data[i];
    loaded = (struct tr_images){.count = pixels.size[0],
                                .height = pixels.size[1],
                                .width = pixels.size[2],
                                .channels = 1,
                                .classes = classes,
                                .pixels = pixels.data,
                                .labels = wide};
    if ((rc = hash_images(&loaded, err)))
        goto done;
    *images = loaded;
    pixels.data = NULL; /* taken */
    wide = NULL;
done:
    free(wide);
    tr_idx_release(&pixels);
    tr_idx_release(&labels);
    return rc;
}

void tr_images_release(struct tr_images *images)
{
    free(images->pixels);
    free(images->labels);
    *images = (struct tr_images){0};
}

/* How many of `total` each class gets, in proportion to have[], by largest remainder. */
static void apportion(const int *have, int classes, int total, int *want)
{
    int64_t all = 0, remainder[most_classes];
    int given = 0;

    for (int c = 0; c < classes; c++)
        all += have[c];
    for (int c = 0; c < classes; c++) {
        want[c] = all ? (int)((int64_t)total * have[c] / all) : 0;
        remainder[c] = all ? (int64_t)total * have[c] % all : 0;
        given += want[c];
    }
    while (given < total) {
        int best = -1;
        for (int c = 0; c < classes; c++)
            if (want[c] < have[c] && (best < 0 || remainder[c] > remainder[best]))
                best = c;
        if (best < 0)
            return;
        want[best]++;
        remainder[best] = -1;
        given++;
    }
}

/* The rows marked `wanted`, in ascending order; returns how many. */
static int collect(const unsigned char *mark, unsigned char wanted, int n, int *out)
{
    int count = 0;

    for (int i = 0; i < n; i++)
        if (mark[i] == wanted)
            out[count++] = i;
    return count;
}

enum { unused, in_train, in_validation };

/* Walk the rows in shuffled order and mark the first of each class as validation, the next as
 * train, as many as wanted. */
static void mark_rows(const struct tr_images *images, const int *order, int validation,
                      int train_limit, unsigned char *mark)
{
    int have[most_classes] = {0}, wanted[2][most_classes], left[most_classes];
    int rest = images->count - validation;

    for (int i = 0; i < images->count; i++)
        have[images->labels[i]]++;
    apportion(have, images->classes, validation, wanted[0]);
    for (int c = 0; c < images->classes; c++)
        left[c] = have[c] - wanted[0][c];
    apportion(left, images->classes, train_limit && train_limit < rest ? train_limit : rest,
              wanted[1]);
    for (int i = 0; i < images->count; i++) {
        const int row = order[i], label = images->labels[row];
        if (wanted[0][label] > 0) {
            wanted[0][label]--;
            mark[row] = in_validation;
        } else if (wanted[1][label] > 0) {
            wanted[1][label]--;
            mark[row] = in_train;
        }
    }
}

static void measure_pixels(struct tr_split *split, const struct tr_images *images)
{
    const size_t pixels = (size_t)images->height * images->width * images->channels;
    const double n = (double)split->train_count * (double)pixels;
    int64_t sum = 0, squares = 0;

    for (int i = 0; i < split->train_count; i++) {
        const uint8_t *at = images->pixels + split->train[i] * pixels;
        for (size_t j = 0; j < pixels; j++) {
            sum += at[j];
            squares += (int64_t)at[j] * at[j];
        }
    }
    const double mean = (double)sum / n, variance = (double)squares / n - mean * mean;
    split->mean = (float)(mean / 255);
    split->sd = variance > 0 ? (float)(sqrt(variance) / 255) : 1;
}

rt_status tr_split_init(struct tr_split *split, const struct tr_images *images, int validation,
                        int train_limit, uint64_t seed, struct rt_err *err)
{
    const size_t n = (size_t)images->count;
    unsigned char *mark = calloc(n, 1);
    int *order = malloc(n * sizeof *order);
    struct rt_rng rng;
    rt_status rc = RT_OK;

    *split = (struct tr_split){0};
    if (images->classes < 1 || images->classes > most_classes || train_limit < 0) {
        rc = rt_fail(err, RT_EARG, "cannot split %d classes, want at most %d, into %d train rows",
                     images->classes, most_classes, train_limit);
        goto done;
    }
    if (validation < 1 || validation >= images->count) {
        rc = rt_fail(err, RT_EARG,
                     "data.validation is %d, want 1 to %d: the training file has %d examples",
                     validation, images->count - 1, images->count);
        goto done;
    }
    split->train = malloc(n * sizeof(int));
    split->validation = malloc((size_t)validation * sizeof(int));
    if (!mark || !order || !split->train || !split->validation) {
        tr_split_release(split);
        rc = rt_fail(err, RT_ENOMEM, "no memory to split %d examples", images->count);
        goto done;
    }
    for (int i = 0; i < images->count; i++)
        order[i] = i;
    rt_rng_init(&rng, seed, RT_STREAM_SPLIT, 0);
    rt_rng_shuffle(&rng, order, n);
    mark_rows(images, order, validation, train_limit, mark);
    split->train_count = collect(mark, in_train, images->count, split->train);
    split->validation_count = collect(mark, in_validation, images->count, split->validation);
    measure_pixels(split, images);
done:
    free(mark);
    free(order);
    return rc;
}

/* Move `count` rows from `from` to `taken`: the first of each class in the order of the places
 * `order`, as many as its share. Both ascend. What is taken is marked by a negative number. */
static void take_rows(const struct tr_images *images, int *from, int *from_count, int *order,
                      int count, int *taken)
{
    int have[most_classes] = {0}, wanted[most_classes], kept = 0, total = 0;

    for (int i = 0; i < *from_count; i++)
        have[images->labels[from[i]]]++;
    apportion(have, images->classes, count, wanted);
    for (int i = 0; i < *from_count; i++) {
        const int label = images->labels[from[order[i]]];
        if (wanted[label] > 0) {
            wanted[label]--;
            taken[total++] = order[i];
        }
    }
    for (int i = 0; i < total; i++)
        from[taken[i]] = -1 - from[taken[i]];
    total = 0;
    for (int i = 0; i < *from_count; i++)
        if (from[i] < 0)
            taken[total++] = -1 - from[i];
        else
            from[kept++] = from[i];
    *from_count = kept;
}

rt_status tr_split_hold_out(struct tr_split *split, const struct tr_images *images, int count,
                            uint64_t seed, struct rt_err *err)
{
    struct rt_rng rng;

    if (count == 0)
        return RT_OK;
    if (count < 0 || count >= split->train_count)
        return rt_fail(err, RT_EARG,
                       "data.held_out is %d, want 0 to %d: %d rows are left to train on", count,
                       split->train_count - 1, split->train_count);
    int *order = malloc((size_t)split->train_count * sizeof *order);
    split->held_out = malloc((size_t)count * sizeof *split->held_out);
    if (!order || !split->held_out) {
        free(order);
        return rt_fail(err, RT_ENOMEM, "no memory to hold out %d examples", count);
    }
    for (int i = 0; i < split->train_count; i++)
        order[i] = i;
    rt_rng_init(&rng, seed, RT_STREAM_SPLIT, 1);
    rt_rng_shuffle(&rng, order, (size_t)split->train_count);
    take_rows(images, split->train, &split->train_count, order, count, split->held_out);
    split->held_out_count = count;
    measure_pixels(split, images);
    free(order);
    return RT_OK;
}

void tr_split_release(struct tr_split *split)
{
    free(split->train);
    free(split->validation);
    free(split->held_out);
    *split = (struct tr_split){0};
}

void tr_images_gather(const struct tr_images *images, const struct tr_split *split, const int *rows,
                      int n, float *out)
{
    const size_t pixels = (size_t)images->height * images->width * images->channels;
    float value[256]; /* of each byte */

    for (int b = 0; b < 256; b++)
        value[b] = ((float)b / 255 - split->mean) / split->sd;
    for (int i = 0; i < n; i++) {
        const uint8_t *at = images->pixels + rows[i] * pixels;
        float *to = out + i * pixels;
        for (size_t j = 0; j < pixels; j++)
            to[j] = value[at[j]];
    }
}
