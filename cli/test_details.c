/* cli/test_details.c -- what the numbers do not tell of a test, as the store keeps it: cells of tables. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/testing.h"

static void detail_text(json_t *value, char text[sizeof((struct store_cell *)0)->value])
{
    const size_t room = sizeof((struct store_cell *)0)->value;

    if (json_is_real(value))
        (void)snprintf(text, room, "%.3f", json_real_value(value));
    else if (json_is_integer(value))
        (void)snprintf(text, room, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else
        (void)snprintf(text, room, "%s", json_is_string(value) ? json_string_value(value) : "");
}

static int count_details(json_t *details)
{
    const char *name;
    json_t *list, *row;
    size_t i, cells = 0;

    json_object_foreach(details, name, list)
    {
        json_array_foreach(list, i, row)
        {
            cells += json_object_size(row);
        }
    }
    return (int)cells;
}

struct store_cell *test_details(const struct test_result *result, int *count)
{
    const int most = count_details(result->details);
    struct store_cell *all = calloc((size_t)most + 1, sizeof *all);
    const char *name, *key;
    json_t *list, *row, *value;
    size_t i;

    *count = 0;
    json_object_foreach(result->details, name, list)
    {
        json_array_foreach(list, i, row)
        {
            int place = 0;
            json_object_foreach(row, key, value)
            {
                if (!all)
                    return NULL;
                struct store_cell *d = &all[(*count)++];
                *d =
                    (struct store_cell){.part = name, .row = (int)i, .place = place++, .name = key};
                detail_text(value, d->value);
            }
        }
    }
    return all;
}
