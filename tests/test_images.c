/* tests/test_images.c -- IDX files and labelled images. */
#include "support.h"

#include <unistd.h>
#include <zlib.h>

#include "trainer/task/image/idx.h"
#include "trainer/task/image/images.h"

#define IMAGES "images-test.idx"
#define LABELS "labels-test.idx"
#define PACKED "images-test.idx.gz"
#define FASHION "/usr/share/datasets/fashion-mnist/"

/* Two images of 2 rows and 3 columns. */
static const uint8_t two_images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2,  0,  0,
                                     0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static const uint8_t two_labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 1, 0};

static void put(const char *path, const void *data, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

static void put_packed(const char *path, const void *data, size_t bytes)
{
    gzFile file = gzopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, data, (unsigned)bytes), (int)bytes);
    assert_int_equal(gzclose(file), Z_OK);
}

static int remove_files(void **state)
{
    (void)state;
    unlink(IMAGES);
    unlink(LABELS);
    unlink(PACKED);
    return 0;
}

static void assert_says(const struct rt_err *err, const char *text)
{
    if (!strstr(err->text, text)) {
        print_error("'%s' does not say '%s'\n", err->text, text);
        fail();
    }
}

/* Parsing must fail, say `text` and leave the result alone. */
static void refuse(const uint8_t *bytes, size_t count, int dims, const char *text)
{
    struct tr_idx idx = {.dims = 7};
    struct rt_err err = {0};

    assert_int_equal(tr_idx_parse("a.idx", bytes, count, dims, &idx, &err), RT_EFORMAT);
    assert_says(&err, "'a.idx'");
    assert_says(&err, text);
    assert_int_equal(idx.dims, 7);
    assert_null(idx.data);
}

static void parse_reads_sizes_and_bytes(void **state)
{
    struct rt_err err;
    struct tr_idx idx;
    (void)state;

    assert_ok(tr_idx_parse("a.idx", two_images, sizeof two_images, 3, &idx, &err));

    assert_int_equal(idx.dims, 3);
    assert_int_equal(idx.size[0], 2);
    assert_int_equal(idx.size[1], 2);
    assert_int_equal(idx.size[2], 3);
    assert_memory_equal(idx.data, two_images + 16, 12);
    tr_idx_release(&idx);
    assert_null(idx.data);
}

static void parse_refuses_a_wrong_magic(void **state)
{
    uint8_t bytes[sizeof two_images];
    (void)state;

    refuse(two_images, sizeof two_images, 1, "magic 0x00000803, want 0x00000801");
    refuse(two_labels, sizeof two_labels, 3, "magic 0x00000801, want 0x00000803");
    memcpy(bytes, two_images, sizeof bytes);
    bytes[2] = 0x0d; /* floats */
    refuse(bytes, sizeof bytes, 3, "magic 0x00000d03");
    bytes[2] = 8;
    bytes[0] = 0x1f;
    refuse(bytes, sizeof bytes, 3, "magic 0x1f000803");
}

static void parse_refuses_every_truncation(void **state)
{
    (void)state;
    refuse(NULL, 0, 3, "truncated");
    for (size_t n = 0; n < sizeof two_images; n++)
        refuse(two_images, n, 3, n < 16 ? "ends within its header" : "ends within its data");
}

static void parse_refuses_trailing_bytes(void **state)
{
    uint8_t bytes[sizeof two_images + 1] = {0};
    (void)state;

    memcpy(bytes, two_images, sizeof two_images);
    refuse(bytes, sizeof bytes, 3, "goes on after the 12 bytes");
}

static void parse_refuses_absurd_sizes(void **state)
{
    static const struct {
        uint8_t at[12];
        const char *text;
    } cases[] = {
        {{0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3}, "size 0 in dimension 1"},
        {{0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0}, "size 0 in dimension 3"},
        {{255, 255, 255, 255, 0, 0, 0, 2, 0, 0, 0, 3}, "size 4294967295 in dimension 1"},
        {{0, 15, 66, 65, 0, 0, 0, 1, 0, 0, 0, 1}, "size 1000001 in dimension 1"},
        {{0, 0, 0, 1, 0, 0, 4, 1, 0, 0, 0, 1}, "size 1025 in dimension 2"},
        {{0, 0, 0, 1, 0, 0, 0, 1, 128, 0, 0, 0}, "size 2147483648 in dimension 3"},
        {{0, 15, 66, 64, 0, 0, 4, 0, 0, 0, 4, 0}, "more than 4 GiB"},
        {{0, 0, 16, 0, 0, 0, 4, 0, 0, 0, 4, 0}, "ends within its data"}, /* just 4 GiB */
    };
    uint8_t bytes[sizeof two_images];
    (void)state;

    memcpy(bytes, two_images, sizeof bytes);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memcpy(bytes + 4, cases[i].at, 12);
        refuse(bytes, sizeof bytes, 3, cases[i].text);
    }
}

static void read_takes_plain_and_packed_files_alike(void **state)
{
    struct rt_err err;
    struct tr_idx plain, packed;
    (void)state;

    put(IMAGES, two_images, sizeof two_images);
    put_packed(PACKED, two_images, sizeof two_images);
    assert_ok(tr_idx_read(IMAGES, 3, &plain, &err));
    assert_ok(tr_idx_read(PACKED, 3, &packed, &err));

    assert_memory_equal(plain.data, packed.data, 12);
    tr_idx_release(&plain);
    tr_idx_release(&packed);
}

static void read_refuses_what_is_called_gz_and_is_not(void **state)
{
    struct rt_err err;
    struct tr_idx idx;
    (void)state;

    put(PACKED, two_images, sizeof two_images);
    assert_int_equal(tr_idx_read(PACKED, 3, &idx, &err), RT_EFORMAT);
    assert_says(&err, "is not a gzip file");
    put(PACKED, "", 0);
    assert_int_equal(tr_idx_read(PACKED, 3, &idx, &err), RT_EFORMAT);
}

static void read_names_a_missing_file_and_a_folder(void **state)
{
    struct rt_err err;
    struct tr_idx idx;
    (void)state;

    assert_int_equal(tr_idx_read("nowhere/a.gz", 3, &idx, &err), RT_EIO);
    assert_says(&err, "cannot open 'nowhere/a.gz': No such file");
    assert_int_equal(tr_idx_read("/tmp", 3, &idx, &err), RT_EIO);
    assert_says(&err, "'/tmp'");
}

/* Images of which the packed form is longer than one byte a symbol. */
static size_t packed_noise(uint8_t *packed, size_t room)
{
    uint8_t bytes[16 + 4096] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 64, 0, 0, 0, 64};
    struct rt_rng rng;
    FILE *file;
    size_t n;

    rt_rng_init(&rng, 1, RT_STREAM_TEST, 2);
    for (size_t i = 16; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)rt_rng_below(&rng, 256);
    put_packed(PACKED, bytes, sizeof bytes);
    file = fopen(PACKED, "rb");
    assert_non_null(file);
    n = fread(packed, 1, room, file);
    assert_int_equal(fclose(file), 0);
    assert_true(n > 2048 && n < room);
    return n;
}

static void read_refuses_a_packed_file_cut_short(void **state)
{
    uint8_t packed[8192];
    const size_t n = packed_noise(packed, sizeof packed);
    const size_t cuts[] = {11, 30, n / 2, n - 9, n - 8, n - 4, n - 1};
    struct rt_err err;
    struct tr_idx idx;
    (void)state;

    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        put(PACKED, packed, cuts[i]);
        if (tr_idx_read(PACKED, 3, &idx, &err) != RT_EFORMAT)
            fail_msg("cut after %zu of %zu bytes", cuts[i], n);
        assert_says(&err, "fetch it again");
    }
}

static void read_refuses_a_packed_file_with_a_wrong_checksum(void **state)
{
    uint8_t packed[8192];
    const size_t n = packed_noise(packed, sizeof packed);
    struct rt_err err;
    struct tr_idx idx;
    (void)state;

    packed[n - 7] ^= 1; /* within the CRC */
    put(PACKED, packed, n);
    assert_int_equal(tr_idx_read(PACKED, 3, &idx, &err), RT_EFORMAT);
    assert_says(&err, "cannot be unpacked");
    assert_says(&err, ": incorrect data check;");
    assert_null(strstr(err.text, PACKED ":")); /* the path stands once, in quotes */
}

static void load_widens_labels_and_counts_classes(void **state)
{
    struct tr_images images, other;
    struct rt_err err;
    (void)state;

    put(IMAGES, two_images, sizeof two_images);
    put(LABELS, two_labels, sizeof two_labels);
    assert_ok(tr_images_load_idx(&images, IMAGES, LABELS, 0, &err));
    assert_ok(tr_images_load_idx(&other, IMAGES, LABELS, 5, &err));

    assert_int_equal(images.count, 2);
    assert_int_equal(images.height, 2);
    assert_int_equal(images.width, 3);
    assert_int_equal(images.channels, 1);
    assert_int_equal(images.classes, 2);
    assert_int_equal(images.labels[0], 1);
    assert_int_equal(images.labels[1], 0);
    assert_int_equal(other.classes, 5);
    assert_int_equal(strlen(images.hash), RT_HASH_TEXT - 1);
    assert_string_not_equal(images.hash, other.hash); /* classes count as data */
    tr_images_release(&images);
    tr_images_release(&other);
}

static void load_hashes_pixels_and_labels(void **state)
{
    uint8_t bytes[sizeof two_images], labels[sizeof two_labels];
    char hash[3][RT_HASH_TEXT];
    struct tr_images images;
    struct rt_err err;
    (void)state;

    memcpy(bytes, two_images, sizeof bytes);
    memcpy(labels, two_labels, sizeof labels);
    for (int i = 0; i < 3; i++) {
        bytes[27] = (uint8_t)(i == 1 ? 99 : 12);
        labels[8] = (uint8_t)(i == 2 ? 0 : 1);
        put(IMAGES, bytes, sizeof bytes);
        put(LABELS, labels, sizeof labels);
        assert_ok(tr_images_load_idx(&images, IMAGES, LABELS, 2, &err));
        memcpy(hash[i], images.hash, RT_HASH_TEXT);
        tr_images_release(&images);
    }
    assert_string_not_equal(hash[0], hash[1]);
    assert_string_not_equal(hash[0], hash[2]);
}

static void load_names_the_row_of_a_label_out_of_range(void **state)
{
    uint8_t labels[sizeof two_labels];
    struct tr_images images = {0};
    struct rt_err err;
    (void)state;

    memcpy(labels, two_labels, sizeof labels);
    labels[9] = 10;
    put(IMAGES, two_images, sizeof two_images);
    put(LABELS, labels, sizeof labels);
    assert_int_equal(tr_images_load_idx(&images, IMAGES, LABELS, 10, &err), RT_EFORMAT);
    assert_says(&err, "'" LABELS "' has label 10 at row 1");
    assert_null(images.pixels);
}

static void load_refuses_counts_that_differ(void **state)
{
    static const uint8_t three[] = {0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 1};
    struct tr_images images = {0};
    struct rt_err err;
    (void)state;

    put(IMAGES, two_images, sizeof two_images);
    put(LABELS, three, sizeof three);
    assert_int_equal(tr_images_load_idx(&images, IMAGES, LABELS, 0, &err), RT_EFORMAT);
    assert_says(&err, "has 2 images but '" LABELS "' has 3 labels");
    assert_null(images.pixels);
}

static void load_refuses_one_class_and_too_many(void **state)
{
    static const uint8_t zeros[] = {0, 0, 8, 1, 0, 0, 0, 2, 0, 0};
    static const int classes[] = {-1, 1, 257};
    struct tr_images images = {0};
    struct rt_err err;
    (void)state;

    put(IMAGES, two_images, sizeof two_images);
    put(LABELS, zeros, sizeof zeros);
    assert_int_equal(tr_images_load_idx(&images, IMAGES, LABELS, 0, &err), RT_EFORMAT);
    assert_says(&err, "single class");
    for (int i = 0; i < 3; i++)
        assert_int_equal(tr_images_load_idx(&images, IMAGES, LABELS, classes[i], &err), RT_EARG);
    assert_null(images.pixels);
}

static void fashion_mnist_loads_where_it_is_installed(void **state)
{
    const char *pixels = FASHION "t10k-images-idx3-ubyte.gz";
    const char *labels = FASHION "t10k-labels-idx1-ubyte.gz";
    struct tr_images images;
    struct tr_pixel_scale scale;
    static int rows[9000];
    struct rt_err err;
    (void)state;

    if (access(pixels, R_OK) || access(labels, R_OK))
        skip_without("Fashion-MNIST (package dataset-fashion-mnist)");
    assert_ok(tr_images_load_idx(&images, pixels, labels, 0, &err));
    for (int i = 0; i < 9000; i++)
        rows[i] = i;
    tr_images_measure(&images, rows, 9000, &scale);

    assert_int_equal(images.count, 10000);
    assert_int_equal(images.height, 28);
    assert_int_equal(images.width, 28);
    assert_int_equal(images.classes, 10);
    assert_near(scale.mean, .2868, .005); /* of the whole test file, by other means */
    assert_near(scale.sd, .3524, .005);
    tr_images_release(&images);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_reads_sizes_and_bytes),
        cmocka_unit_test(parse_refuses_a_wrong_magic),
        cmocka_unit_test(parse_refuses_every_truncation),
        cmocka_unit_test(parse_refuses_trailing_bytes),
        cmocka_unit_test(parse_refuses_absurd_sizes),
        cmocka_unit_test(read_takes_plain_and_packed_files_alike),
        cmocka_unit_test(read_refuses_what_is_called_gz_and_is_not),
        cmocka_unit_test(read_names_a_missing_file_and_a_folder),
        cmocka_unit_test(read_refuses_a_packed_file_cut_short),
        cmocka_unit_test(read_refuses_a_packed_file_with_a_wrong_checksum),
        cmocka_unit_test(load_widens_labels_and_counts_classes),
        cmocka_unit_test(load_hashes_pixels_and_labels),
        cmocka_unit_test(load_names_the_row_of_a_label_out_of_range),
        cmocka_unit_test(load_refuses_counts_that_differ),
        cmocka_unit_test(load_refuses_one_class_and_too_many),
        cmocka_unit_test(fashion_mnist_loads_where_it_is_installed),
    };
    return cmocka_run_group_tests_name("trainer/task/image/images", tests, NULL, remove_files);
}
