/* reports/text.c -- see text.h. */
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

const char *report__percent(double share, double se, char text[REPORT__CELL])
{
    if (!isfinite(share))
        return memcpy(text, "-", 2);
    if (isfinite(se))
        (void)snprintf(text, REPORT__CELL, "%.2f ±%.2f", 100 * share, 100 * se);
    else
        (void)snprintf(text, REPORT__CELL, "%.2f", 100 * share);
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
    if (!isfinite(seconds))
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

const char *report__value(const char *objective, double value, char text[REPORT__CELL])
{
    if (strcmp(objective, "error") == 0 || strcmp(objective, "int8_error") == 0)
        return report__percent(value, NAN, text);
    if (strcmp(objective, "kl") == 0 || strcmp(objective, "int8_kl") == 0)
        return report__fixed(value, 4, text);
    if (strcmp(objective, "latency") == 0)
        return report__ms(value, text);
    return report__count(value, text);
}

int report__columns(const char *text)
{
    int columns = 0;

    for (; *text; text++)
        columns += ((unsigned char)*text & 0xC0) != 0x80; /* not a continuation byte */
    return columns;
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
