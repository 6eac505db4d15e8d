/* tests/pinned.h -- numbers that runs came to, by name, in the order in which they were made; and
 * the file that keeps them.
 *
 * File     lines of "set name value": a value is a hexadecimal float, or 32 digits of a digest. The
 *          lines "# key: text" in front say what last bits depend on.
 */
#ifndef TESTS_PINNED_H
#define TESTS_PINNED_H
#include "support.h"

#include <cblas.h>
#include <gnu/libc-version.h>

#include "base/hash.h"

enum { pin_name = 80, most_pins = 2048 };

struct pin {
    char name[pin_name];     /* "v4 plain error" */
    double value;            /* unless */
    char text[RT_HASH_TEXT]; /* of a digest; "" for a number */
};

struct pins {
    const char *set, *run; /* of those to come */
    int count;
    struct pin pin[most_pins];
};

static inline struct pin *pin_add(struct pins *pins, const char *name)
{
    assert_true(pins->count < most_pins);
    struct pin *pin = &pins->pin[pins->count++];
    const int n = snprintf(pin->name, pin_name, "%s %s %s", pins->set, pins->run, name);
    assert_true(n < pin_name);
    return pin;
}

static inline void pin_number(struct pins *pins, const char *name, double value)
{
    pin_add(pins, name)->value = value;
}

static inline void pin_digest(struct pins *pins, const char *name, const void *data, size_t bytes)
{
    rt_hash_bytes(data, bytes, pin_add(pins, name)->text);
}

static inline const struct pin *pin_find(const struct pins *pins, const char *name)
{
    for (int i = 0; i < pins->count; i++)
        if (!strcmp(pins->pin[i].name, name))
            return &pins->pin[i];
    return NULL;
}

/* What last bits depend on. A sanitizer makes other code of the kernels: of a * b - c * d the
 * compiler chooses which product is fused. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define PIN_KERNELS " with a sanitizer"
#else
#define PIN_KERNELS ""
#endif
struct pin_origin {
    char libc[64], compiler[64], openblas[128]; /* the latter for `plain` alone */
};

static inline struct pin_origin pin_origin_here(void)
{
    struct pin_origin here;
    snprintf(here.libc, sizeof here.libc, "%s", gnu_get_libc_version());
#ifdef __clang__
    snprintf(here.compiler, sizeof here.compiler, "clang %d%s", __clang_major__, PIN_KERNELS);
#else
    snprintf(here.compiler, sizeof here.compiler, "gcc %d%s", __GNUC__, PIN_KERNELS);
#endif
    snprintf(here.openblas, sizeof here.openblas, "%s on %s", openblas_get_config(),
             openblas_get_corename());
    return here;
}

static inline void pins_write(const char *path, const struct pins *pins)
{
    const struct pin_origin here = pin_origin_here();
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fprintf(file, "# libc: %s\n# compiler: %s\n# openblas: %s\n", here.libc, here.compiler,
            here.openblas);
    for (int i = 0; i < pins->count; i++)
        if (pins->pin[i].text[0])
            fprintf(file, "%s %s\n", pins->pin[i].name, pins->pin[i].text);
        else
            fprintf(file, "%s %a\n", pins->pin[i].name, pins->pin[i].value);
    assert_int_equal(fclose(file), 0);
}

/* "set run name value" into a pin. */
static inline void pin_parse(struct pins *pins, char *line)
{
    char *value = strrchr(line, ' '), *end;
    struct pin *pin = &pins->pin[pins->count];

    assert_true(pins->count < most_pins);
    assert_non_null(value);
    *value++ = '\0';
    assert_true(strlen(line) < pin_name);
    memcpy(pin->name, line, strlen(line) + 1);
    pin->value = strtod(value, &end);
    pin->text[0] = '\0';
    if (strlen(value) == RT_HASH_TEXT - 1) /* longer than any number */
        memcpy(pin->text, value, RT_HASH_TEXT);
    else
        assert_true(!*end);
    pins->count++;
}

static inline void pins_read(const char *path, struct pins *pins, struct pin_origin *origin)
{
    char line[256];
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    *origin = (struct pin_origin){0};
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '#')
            pin_parse(pins, line);
        (void)sscanf(line, "# libc: %63[^\n]", origin->libc);
        (void)sscanf(line, "# compiler: %63[^\n]", origin->compiler);
        (void)sscanf(line, "# openblas: %127[^\n]", origin->openblas);
    }
    fclose(file);
}
#endif
