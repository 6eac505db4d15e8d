/* base/text.c -- see text.h. One row of the usual table at a time, on the stack. */
#include "base/text.h"

#include <stdint.h>
#include <string.h>

enum { most = 63 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t rt_edit_distance(const char *a, const char *b)
{
    const size_t n = strlen(a), m = strlen(b);
    size_t row[most + 1]; /* of the first i letters of a to the first j of b */

    if (n > most || m > most)
        return SIZE_MAX;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            const size_t change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = smaller(change, smaller(row[j], row[j - 1]) + 1);
        }
    }
    return row[m];
}

void rt_text_plain(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++)
        if (*c < ' ' || *c == 127)
            *c = ' ';
        else if (*c == 0xC2 && c[1] >= 0x80 && c[1] < 0xA0) /* U+0080 to U+009F */
            c[0] = c[1] = ' ';
}
