/* tests/test_pictures.c -- images as arrays (.npy, .npz) and as PNG and JPEG files. */
#include "support.h"

#include <png.h>
#include <unistd.h>
#include <zlib.h>

#include <jpeglib.h>

#include "trainer/task/image/images.h"
#include "trainer/task/image/npz.h"
#include "trainer/task/image/picture.h"
#include "trainer/task/npy.h"

#define PIXELS "pictures-test.npy"
#define LABELS "pictures-labels-test.npy"

static int remove_files(void **state)
{
    (void)state;
    unlink(PIXELS);
    unlink(LABELS);
    return 0;
}

static void assert_says(const struct rt_err *err, const char *text)
{
    if (!strstr(err->text, text)) {
        print_error("'%s' does not say '%s'\n", err->text, text);
        fail();
    }
}

/* A .npy by its dictionary. */
static void put_npy(const char *path, const char *type, const char *shape, const void *values,
                    size_t bytes)
{
    unsigned char header[128] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 118, 0};
    FILE *file = fopen(path, "wb");
    const int used =
        snprintf((char *)header + 10, 118, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }",
                 type, shape);

    assert_non_null(file);
    memset(header + 10 + used, ' ', 118 - (size_t)used);
    header[127] = '\n';
    assert_int_equal(fwrite(header, 1, sizeof header, file), sizeof header);
    assert_int_equal(fwrite(values, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

static rt_status load(struct tr_images *images, struct rt_err *err)
{
    const struct tr_image_source source = {
        .format = TR_IMAGES_NPY, .images = PIXELS, .labels = LABELS};
    return tr_images_load(images, &source, err);
}

static const int64_t labels[2] = {1, 0};

/* ---- arrays ---- */

static void bytes_and_shares_of_white_are_the_same_images(void **state)
{
    static const uint8_t bytes[12] = {0, 51, 102, 153, 204, 255, 0, 0, 0, 255, 255, 255};
    struct tr_images images[4];
    float shares[12], whole[12];
    double wide[12];
    struct rt_err err;
    (void)state;

    for (int i = 0; i < 12; i++) {
        shares[i] = (float)bytes[i] / 255;
        wide[i] = (double)bytes[i] / 255;
        whole[i] = bytes[i];
    }
    put_npy(LABELS, "<i8", "(2,)", labels, sizeof labels);
    put_npy(PIXELS, "|u1", "(2, 2, 3)", bytes, sizeof bytes);
    assert_ok(load(&images[0], &err));
    put_npy(PIXELS, "<f4", "(2, 2, 3)", shares, sizeof shares);
    assert_ok(load(&images[1], &err));
    put_npy(PIXELS, "<f8", "(2, 2, 3, 1)", wide, sizeof wide);
    assert_ok(load(&images[2], &err));
    put_npy(PIXELS, "<f4", "(2, 2, 3)", whole, sizeof whole);
    assert_ok(load(&images[3], &err));
    for (int i = 0; i < 4; i++) {
        assert_int_equal(images[i].count, 2);
        assert_int_equal(images[i].height, 2);
        assert_int_equal(images[i].width, 3);
        assert_int_equal(images[i].channels, 1);
        assert_int_equal(images[i].classes, 2);
        assert_memory_equal(images[i].pixels, bytes, sizeof bytes);
        assert_string_equal(images[i].hash, images[0].hash);
    }
    for (int i = 0; i < 4; i++)
        tr_images_release(&images[i]);
}

static void assert_refused(const char *type, const char *shape, const void *values, size_t bytes,
                           const char *text)
{
    struct tr_images images = {0};
    struct rt_err err;

    put_npy(PIXELS, type, shape, values, bytes);
    put_npy(LABELS, "<i8", "(2,)", labels, sizeof labels);
    assert_int_equal(load(&images, &err), RT_EFORMAT);
    assert_says(&err, "'" PIXELS "'");
    assert_says(&err, text);
    assert_null(images.pixels);
}

static void wrong_arrays_are_refused_with_the_mend(void **state)
{
    static const uint8_t zero[64];
    static const float normalised[2] = {-1, 1}, odd[2] = {1.5F, 2}, nan[2] = {NAN, 0};
    (void)state;

    assert_refused("|u1", "(2, 4)", zero, 8, "array.reshape(");
    assert_refused("|u1", "(2, 3, 2, 4)", zero, 48, "array.transpose(0, 2, 3, 1)");
    assert_refused("|u1", "(2, 4, 2, 4)", zero, 64, "array[..., :3]");
    assert_refused("<i8", "(2, 1, 1)", zero, 16, "array.astype('uint8')");
    assert_refused(">f4", "(2, 1, 1)", zero, 8, "little-endian");
    assert_refused("<f4", "(2, 1, 1)", normalised, 8, "before they were normalised");
    assert_refused("<f4", "(2, 1, 1)", odd, 8, "before they were normalised");
    assert_refused("<f4", "(2, 1, 1)", nan, 8, "not finite");
    assert_refused("|u1", "(2, 1, 1)", zero, 3, "save it again");
    assert_refused("|u1", "(2, 1, 1, 1, 1)", zero, 2, "1 to 4 dimensions");
    assert_refused("|u1", "(3, 1, 1)", zero, 3, "has 3 images but");
}

static void wrong_labels_are_refused_with_the_mend(void **state)
{
    static const uint8_t zero[2];
    static const float real[4] = {0, 1, 0, 1};
    static const int64_t far[2] = {0, 256}, below[2] = {-1, 0};
    static const struct {
        const char *type, *shape;
        const void *values;
        size_t bytes;
        const char *text;
    } wrong[] = {{"<f4", "(2,)", real, 8, "no list of whole numbers"},
                 {"<f4", "(2, 2)", real, 16, "array.argmax(1)"},
                 {"<i8", "(2,)", far, 16, "at row 1"},
                 {"<i8", "(2,)", below, 16, "at row 0"}};
    struct tr_images images = {0};
    struct rt_err err;
    (void)state;

    put_npy(PIXELS, "|u1", "(2, 1, 1)", zero, sizeof zero);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        put_npy(LABELS, wrong[i].type, wrong[i].shape, wrong[i].values, wrong[i].bytes);
        assert_int_equal(load(&images, &err), RT_EFORMAT);
        assert_says(&err, "'" LABELS "'");
        assert_says(&err, wrong[i].text);
        assert_null(images.labels);
    }
}

static void written_bytes_are_read_again(void **state)
{
    static const uint8_t bytes[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    static const int size[4] = {2, 1, 2, 3};
    struct tr_images images;
    struct rt_err err;
    (void)state;

    assert_ok(tr_npy_write_bytes(PIXELS, size, 4, bytes, &err));
    assert_ok(tr_images_read(&images, PIXELS, &err));
    assert_int_equal(images.channels, 3);
    assert_memory_equal(images.pixels, bytes, sizeof bytes);
    tr_images_release(&images);
}

static void an_idx_file_of_four_dimensions_has_channels(void **state)
{
    static const uint8_t idx[] = {0, 0, 8, 4, 0, 0, 0, 1, 0, 0, 0, 1, 0,
                                  0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6};
    FILE *file = fopen(LABELS, "wb");
    struct tr_images images;
    struct rt_err err;
    (void)state;

    assert_non_null(file);
    assert_int_equal(fwrite(idx, 1, sizeof idx, file), sizeof idx);
    assert_int_equal(fclose(file), 0);
    unlink("pictures-test.idx");
    assert_int_equal(rename(LABELS, "pictures-test.idx"), 0);
    assert_ok(tr_images_read(&images, "pictures-test.idx", &err));
    assert_int_equal(images.width, 2);
    assert_int_equal(images.channels, 3);
    assert_memory_equal(images.pixels, idx + 20, 6);
    tr_images_release(&images);
    unlink("pictures-test.idx");
}

static void appended_images_stand_behind(void **state)
{
    static const uint8_t bytes[2] = {7, 9};
    struct tr_images images, more;
    struct rt_err err;
    (void)state;

    put_npy(PIXELS, "|u1", "(2, 1, 1)", bytes, sizeof bytes);
    put_npy(LABELS, "<i8", "(2,)", labels, sizeof labels);
    assert_ok(load(&images, &err));
    assert_ok(load(&more, &err));
    assert_ok(tr_images_append(&images, &more, &err));
    assert_int_equal(images.count, 4);
    assert_int_equal(images.pixels[3], 9);
    assert_int_equal(images.labels[2], 1);
    assert_null(more.pixels);
    assert_string_not_equal(images.hash, more.hash);
    tr_images_release(&images);
}

/* ---- zip ---- */

static size_t put_word(uint8_t *at, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> 8 * i);
    return (size_t)bytes;
}

/* An archive of one file NAME.npy that holds "data", 64 times over; returns its bytes. */
static size_t make_zip(uint8_t *out, const char *name, bool packed)
{
    uint8_t text[256], body[512];
    const uint32_t length = (uint32_t)strlen(name) + 4;
    z_stream stream = {.next_in = text, .avail_in = 256, .next_out = body, .avail_out = 512};
    size_t at = 0;

    for (int i = 0; i < 256; i++)
        text[i] = (uint8_t)"data"[i % 4];
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    const uint32_t bytes = packed ? (uint32_t)stream.total_out : 256;
    assert_int_equal(deflateEnd(&stream), Z_OK);
    const uint32_t crc = (uint32_t)crc32(0, text, 256);
    for (int directory = 0; directory < 2; directory++) {
        memset(out + at, 0, 46);
        memcpy(out + at, directory ? "PK\1\2" : "PK\3\4", 4);
        uint8_t *from = out + at + (directory ? 10 : 8);
        (void)put_word(from, packed ? 8 : 0, 2);
        (void)put_word(from + 6, crc, 4);
        (void)put_word(from + 10, bytes, 4);
        (void)put_word(from + 14, 256, 4);
        (void)put_word(from + 18, length, 2);
        at += directory ? 46 : 30;
        at += (size_t)snprintf((char *)out + at, 64, "%s.npy", name);
        if (!directory) {
            memcpy(out + at, packed ? body : text, bytes);
            at += bytes;
        }
    }
    const uint32_t start = 30 + length + bytes;
    memset(out + at, 0, 22);
    memcpy(out + at, "PK\5\6", 4);
    (void)put_word(out + at + 10, 1, 2);
    (void)put_word(out + at + 16, start, 4);
    return at + 22;
}

static void an_archive_gives_its_arrays_by_name(void **state)
{
    uint8_t zip[1024], *npy;
    struct rt_err err;
    size_t bytes;
    (void)state;

    for (int packed = 0; packed < 2; packed++) {
        const size_t all = make_zip(zip, "x_train", packed);
        assert_true(tr_npz_is(zip, all));
        for (int named = 0; named < 2; named++) {
            assert_ok(tr_npz_find("a.npz", zip, all, named ? "x_train" : "", &npy, &bytes, &err));
            assert_int_equal(bytes, 256);
            assert_memory_equal(npy + 252, "data", 4);
            free(npy);
        }
        assert_int_equal(tr_npz_find("a.npz", zip, all, "y", &npy, &bytes, &err), RT_EFORMAT);
        assert_says(&err, "'a.npz' has no array of that name; say which as FILE.npz:ARRAY, of: "
                          "x_train");
    }
}

static void a_damaged_archive_is_refused(void **state)
{
    uint8_t zip[1024], *npy = NULL;
    struct rt_err err;
    size_t bytes;
    int refused = 0;
    (void)state;

    const size_t all = make_zip(zip, "x", true);
    for (size_t i = 0; i < all; i++)
        assert_int_equal(tr_npz_find("a.npz", zip, i, "x", &npy, &bytes, &err), RT_EFORMAT);
    for (size_t i = 0; i < all; i++) {
        zip[i] ^= 0x55;
        if (tr_npz_find("a.npz", zip, all, "x", &npy, &bytes, &err) != RT_OK)
            refused++;
        else
            free(npy);
        zip[i] ^= 0x55;
    }
    assert_in_range(refused, all / 3, all);
}

/* ---- pictures ---- */

static size_t make_png(uint8_t *out, size_t room, int height, int width, int format,
                       const void *pixels)
{
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .height = (png_uint_32)height,
                       .width = (png_uint_32)width,
                       .format = (png_uint_32)format};
    png_alloc_size_t bytes = room;

    assert_true(png_image_write_to_memory(&image, out, &bytes, 0, pixels, 0, NULL));
    return bytes;
}

static void a_png_gives_its_bytes(void **state)
{
    static const int formats[] = {PNG_FORMAT_GRAY, PNG_FORMAT_RGB};
    uint8_t pixels[4 * 5 * 3], png[2048];
    struct tr_picture picture;
    struct rt_err err;
    (void)state;

    for (int i = 0; i < 60; i++)
        pixels[i] = (uint8_t)(i * 37 % 256);
    for (int f = 0; f < 2; f++) {
        const size_t bytes = make_png(png, sizeof png, 4, 5, formats[f], pixels);
        assert_ok(tr_picture_parse("a.png", png, bytes, &picture, &err));
        assert_int_equal(picture.height, 4);
        assert_int_equal(picture.width, 5);
        assert_int_equal(picture.channels, f ? 3 : 1);
        assert_memory_equal(picture.pixels, pixels, f ? 60 : 20);
        tr_picture_release(&picture);
        png[bytes / 2] ^= 1;
        assert_int_equal(tr_picture_parse("a.png", png, bytes, &picture, &err), RT_EFORMAT);
        assert_says(&err, "'a.png' cannot be decoded");
    }
}

static void a_jpeg_gives_nearly_its_bytes_and_damage_is_refused(void **state)
{
    uint8_t grey[16 * 16], *jpeg = NULL;
    unsigned long bytes = 0;
    struct jpeg_compress_struct out;
    struct jpeg_error_mgr manager;
    struct tr_picture picture;
    struct rt_err err;
    (void)state;

    for (int i = 0; i < 256; i++)
        grey[i] = (uint8_t)i;
    out.err = jpeg_std_error(&manager);
    jpeg_create_compress(&out);
    jpeg_mem_dest(&out, &jpeg, &bytes);
    out.image_width = out.image_height = 16;
    out.input_components = 1;
    out.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&out);
    jpeg_set_quality(&out, 95, TRUE);
    jpeg_start_compress(&out, TRUE);
    for (int y = 0; y < 16; y++) {
        JSAMPROW row = grey + 16 * y;
        (void)jpeg_write_scanlines(&out, &row, 1);
    }
    jpeg_finish_compress(&out);
    jpeg_destroy_compress(&out);
    assert_ok(tr_picture_parse("a.jpg", jpeg, bytes, &picture, &err));
    assert_int_equal(picture.channels, 1);
    for (int i = 0; i < 256; i++)
        assert_in_range(picture.pixels[i] + 256, grey[i] + 256 - 6, grey[i] + 256 + 6);
    tr_picture_release(&picture);
    assert_int_equal(tr_picture_parse("a.jpg", jpeg, bytes - 40, &picture, &err), RT_EFORMAT);
    assert_says(&err, "'a.jpg' cannot be decoded");
    free(jpeg);
}

static void what_is_no_picture_is_named(void **state)
{
    struct tr_picture picture;
    struct rt_err err;
    (void)state;

    assert_int_equal(tr_picture_parse("a.gif", (const uint8_t *)"GIF89a", 6, &picture, &err),
                     RT_EFORMAT);
    assert_string_equal(err.text, "'a.gif' is neither PNG nor JPEG; convert it, or take it out");
}

static void fitting_keeps_what_is_flat_and_averages_areas(void **state)
{
    uint8_t flat[6 * 4 * 3], half[8] = {0, 0, 100, 100, 0, 0, 100, 100}, out[64];
    const struct tr_picture one = {6, 4, 3, flat}, two = {2, 4, 1, half};
    struct rt_err err;
    (void)state;

    memset(flat, 77, sizeof flat);
    assert_ok(tr_picture_fit(&one, 3, 7, 3, out, &err));
    for (int i = 0; i < 63; i++)
        assert_int_equal(out[i], 77);
    assert_ok(tr_picture_fit(&one, 6, 4, 1, out, &err)); /* grey of grey */
    assert_int_equal(out[23], 77);
    /* A width of 4 to 2: pixel 0 is at 1.0, its triangle reaches from -1 to 3: weights of the
     * centres 0.5, 1.5, 2.5 are 0.75, 0.75, 0.25, so (0 + 0 + 25) / 1.75 = 14.29. */
    assert_ok(tr_picture_fit(&two, 2, 2, 1, out, &err));
    assert_int_equal(out[0], 14);
    assert_int_equal(out[1], 86);
    /* To 8: the first centre is at 0.25, before the first pixel's; then 0.75: a quarter of the way. */
    assert_ok(tr_picture_fit(&two, 2, 8, 1, out, &err));
    assert_int_equal(out[0], 0);
    assert_int_equal(out[3], 25);
    assert_int_equal(out[4], 75);
    assert_int_equal(out[7], 100);
}

static void colours_become_luma(void **state)
{
    uint8_t rgb[12] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255}, out[12];
    const struct tr_picture colours = {1, 4, 3, rgb};
    struct rt_err err;
    (void)state;

    assert_ok(tr_picture_fit(&colours, 1, 4, 1, out, &err));
    assert_int_equal(out[0], 76);
    assert_int_equal(out[1], 150);
    assert_int_equal(out[2], 29);
    assert_int_equal(out[3], 255);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_and_shares_of_white_are_the_same_images),
        cmocka_unit_test(wrong_arrays_are_refused_with_the_mend),
        cmocka_unit_test(wrong_labels_are_refused_with_the_mend),
        cmocka_unit_test(written_bytes_are_read_again),
        cmocka_unit_test(an_idx_file_of_four_dimensions_has_channels),
        cmocka_unit_test(appended_images_stand_behind),
        cmocka_unit_test(an_archive_gives_its_arrays_by_name),
        cmocka_unit_test(a_damaged_archive_is_refused),
        cmocka_unit_test(a_png_gives_its_bytes),
        cmocka_unit_test(a_jpeg_gives_nearly_its_bytes_and_damage_is_refused),
        cmocka_unit_test(what_is_no_picture_is_named),
        cmocka_unit_test(fitting_keeps_what_is_flat_and_averages_areas),
        cmocka_unit_test(colours_become_luma),
    };
    return cmocka_run_group_tests(tests, NULL, remove_files);
}
