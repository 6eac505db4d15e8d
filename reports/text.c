/* reports/text.c -- text.h.
 *
 * Terminals and pages share these, so that a number reads the same wherever it is met.
 */
#include "reports/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *report__count(double value, char text[REPORT__CELL])
{
    static const char units[] = "kMGTPE";
    int unit = -1;

    if (!isfinite(value))
        return memcpy(text, "-", 2);
    while (fabs(value) >= 999.5 && unit < 5) {
        value /= 1000;
        unit++;
    }
    if (unit < 0)
        (void)snprintf(text, REPORT__CELL, "%.0f", value);
    else
        (void)snprintf(text, REPORT__CELL, "%.*f%c",
                       fabs(value) >= 99.95   ? 0
                       : fabs(value) >= 9.995 ? 1
                                              : 2,
                       value, units[unit]);
    return text;
}

const char *report__ms(double ms, char text[REPORT__CELL])
{
    const double value = ms < .1 ? ms * 1000 : ms >= 1000 ? ms / 1000 : ms;
    const int digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;

    if (!isfinite(ms))
        return memcpy(text, "-", 2);
    (void)snprintf(text, REPORT__CELL, "%.*f %s", digits, value,
                   ms < .1      ? "µs"
                   : ms >= 1000 ? "s"
                                : "ms");
    return text;
}

const char *report__percent(double share, char text[REPORT__CELL])
{
    return report__fixed(100 * share, 2, text);
}

const char *report__points(double difference, char text[REPORT__CELL])
{
    const int used = snprintf(text, REPORT__CELL, "%.4g", 100 * difference);
    const char *unit = strcmp(text, "1") == 0 ? " point" : " points";

    (void)snprintf(text + used, REPORT__CELL - (size_t)used, "%s", unit);
    return text;
}

const char *report__fixed(double value, int digits, char text[REPORT__CELL])
{
    if (!isfinite(value))
        return memcpy(text, "-", 2);
    (void)snprintf(text, REPORT__CELL, "%.*f", digits, value);
    return text;
}

const char *report__duration(double seconds, char text[REPORT__CELL])
{
    if (!(fabs(seconds) < 1e15)) /* nor is it a time */
        return memcpy(text, "-", 2);
    const long long whole = (long long)(seconds + .5), minutes = whole / 60, hours = minutes / 60;
    if (seconds < 9.95)
        (void)snprintf(text, REPORT__CELL, "%.1f s", seconds);
    else if (whole < 60)
        (void)snprintf(text, REPORT__CELL, "%lld s", whole);
    else if (minutes < 60)
        (void)snprintf(text, REPORT__CELL, "%lld min %lld s", minutes, whole % 60);
    else if (hours < 48)
        (void)snprintf(text, REPORT__CELL, "%lld h %lld min", hours, minutes % 60);
    else
        (void)snprintf(text, REPORT__CELL, "%lld d %lld h", hours / 24, hours % 24);
    return text;
}

const char *report__time(const char *utc, char text[REPORT__CELL])
{
    if (strlen(utc) >= 16 && utc[10] == 'T')
        (void)snprintf(text, REPORT__CELL, "%.10s %.5s UTC", utc, utc + 11);
    else
        (void)snprintf(text, REPORT__CELL, "%s", utc);
    return text;
}

/* ---- as the quantity wants it ---- */

/* Units of time in milliseconds; 0: another unit. */
static double milliseconds(const char *unit)
{
    static const struct {
        const char *unit;
        double ms;
    } times[] = {{"ns", 1e-6}, {"µs", 1e-3}, {"ms", 1}, {"s", 1e3}};

    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (strcmp(times[i].unit, unit) == 0)
            return times[i].ms;
    return 0;
}

bool report__is_time(const struct report__quantity *quantity)
{
    return milliseconds(quantity->unit) > 0;
}

/* What is not sure of itself says so. */
static const char *estimated(char text[REPORT__CELL])
{
    const size_t size = strlen(text);

    if (size + 2 <= REPORT__CELL) {
        memmove(text + 1, text, size + 1);
        text[0] = '~';
    }
    return text;
}

static const char *plain_value(const struct report__quantity *quantity, struct report__value value,
                               char text[REPORT__CELL])
{
    const double shown = quantity->factor * value.value, error = quantity->factor * value.error;

    if (!isfinite(shown))
        return memcpy(text, "-", 2);
    if (report__is_time(quantity))
        return report__ms(shown * milliseconds(quantity->unit), text);
    if (quantity->digits == 0)
        return report__count(shown, text);
    if (quantity->digits < 0)
        (void)snprintf(text, REPORT__CELL, "%.4g", shown);
    else if (isfinite(error) && quantity->unit[0])
        (void)snprintf(text, REPORT__CELL, "%.*f ±%.*f", quantity->digits, shown, quantity->digits,
                       error);
    else
        (void)snprintf(text, REPORT__CELL, "%.*f", quantity->digits, shown);
    return text;
}

const char *report__value(const struct report__quantity *quantity, struct report__value value,
                          char text[REPORT__CELL])
{
    plain_value(quantity, value, text);
    return value.estimated && isfinite(value.value) ? estimated(text) : text;
}

/* A time has its unit already. */
static bool has_unit(const struct report__quantity *quantity, struct report__value value)
{
    return quantity->unit[0] && !report__is_time(quantity) && isfinite(value.value);
}

const char *report__value_unit(const struct report__quantity *quantity, struct report__value value,
                               char text[REPORT__CELL])
{
    report__value(quantity, value, text);
    if (has_unit(quantity, value)) {
        const size_t used = strlen(text);
        (void)snprintf(text + used, REPORT__CELL - used, " %s", quantity->unit);
    }
    return text;
}

const char *report__value_name(const struct report__quantity *quantity, struct report__value value,
                               char text[REPORT__LINE])
{
    char number[REPORT__CELL];

    report__value_unit(quantity, value, number);
    if (quantity->digits < 0 && !quantity->unit[0])
        (void)snprintf(text, REPORT__LINE, "%s %s", quantity->name, number);
    else if (report__is_time(quantity))
        (void)snprintf(text, REPORT__LINE, "%s", number);
    else
        (void)snprintf(text, REPORT__LINE, "%s %s", number, quantity->name);
    return text;
}

const char *report__head(const struct report__quantity *quantity, const char *called,
                         const char *before_unit, char text[REPORT__LINE])
{
    const bool unit = quantity->unit[0] && !report__is_time(quantity);

    (void)snprintf(text, REPORT__LINE, "%s%s%s", called, unit ? before_unit : "",
                   unit ? quantity->unit : "");
    return text;
}

/* ---- on a terminal and in a page ---- */

static int columns_of(const char *text, size_t bytes)
{
    int columns = 0;

    for (; bytes > 0; text++, bytes--)
        columns += ((unsigned char)*text & 0xC0) != 0x80; /* not a continuation byte */
    return columns;
}

int report__columns(const char *text)
{
    return columns_of(text, strlen(text));
}

void report__pad(FILE *out, const char *text, int width)
{
    const int blanks = abs(width) - report__columns(text);

    if (width > 0 && blanks > 0)
        (void)fprintf(out, "%*s", blanks, "");
    (void)fputs(text, out);
    if (width < 0 && blanks > 0)
        (void)fprintf(out, "%*s", blanks, "");
}

void report__labelled(FILE *out, const char *label, const char *text)
{
    int column = REPORT__LABEL;

    report__pad(out, label, 1 - REPORT__LABEL);
    (void)fputc(' ', out);
    while (*text) {
        const size_t letters = strcspn(text, " ");
        const int columns = columns_of(text, letters);
        if (column > REPORT__LABEL && column + 1 + columns > 80) {
            (void)fprintf(out, "\n%*s", REPORT__LABEL, "");
            column = REPORT__LABEL;
        }
        (void)fprintf(out, "%s%.*s", column > REPORT__LABEL ? " " : "", (int)letters, text);
        column += columns + (column > REPORT__LABEL);
        text += letters;
        text += strspn(text, " ");
    }
    (void)fputc('\n', out);
}

void report__html(FILE *out, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&': (void)fputs("&amp;", out); break;
        case '<': (void)fputs("&lt;", out); break;
        case '>': (void)fputs("&gt;", out); break;
        case '"': (void)fputs("&quot;", out); break;
        case '\'': (void)fputs("&#39;", out); break;
        default:
            if ((unsigned char)*text >= ' ' || *text == '\n' || *text == '\t')
                (void)fputc(*text, out);
        }
}

void report__json(FILE *out, const char *text)
{
    (void)fputc('"', out);
    for (; *text; text++)
        if (*text == '"' || *text == '\\')
            (void)fprintf(out, "\\%c", *text);
        else if ((unsigned char)*text < ' ' || strchr("<>&'", *text))
            (void)fprintf(out, "\\u%04x", (unsigned)(unsigned char)*text);
        else
            (void)fputc(*text, out);
    (void)fputc('"', out);
}

void report__json_number(FILE *out, double value)
{
    if (isfinite(value))
        (void)fprintf(out, "%.9g", value);
    else
        (void)fputs("null", out);
}
