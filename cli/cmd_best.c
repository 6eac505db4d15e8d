/* cli/cmd_best.c -- `retort best DB [wishes]`: one student of the front. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/formats.h"

static const struct option longs[] = {
    {"max-error", required_argument, NULL, 'e'},  {"max-latency", required_argument, NULL, 'l'},
    {"max-params", required_argument, NULL, 'p'}, {"max-bytes", required_argument, NULL, 'b'},
    {"max-macs", required_argument, NULL, 'm'},   {"max-memory", required_argument, NULL, 'M'},
    {"max", required_argument, NULL, 'x'},        {"knee", no_argument, NULL, 'k'},
    {"suggested", no_argument, NULL, 's'},        {"within", required_argument, NULL, 'w'},
    {"format", required_argument, NULL, 'f'},     {0},
};

/* A limit of its own for each; `least` and `most` it may be. */
static const struct limit {
    int letter;
    const char *option, *quantity;
    double least, most;
} limits[] = {
    {'e', "--max-error", "error", 0, 1},      {'l', "--max-latency", "latency", 1e-6, 1e9},
    {'p', "--max-params", "params", 1, 9e18}, {'b', "--max-bytes", "bytes", 1, 9e18},
    {'m', "--max-macs", "macs", 1, 9e18},     {'M', "--max-memory", "memory", 1, 9e18},
};

/* A number with an ending: 10k, 1.5M, 2G, 5%. Returns false after a usage error. */
static bool number(const char *option, const char *text, double least, double most, double *value)
{
    static const struct {
        char ending;
        double factor;
    } endings[] = {{'k', 1e3}, {'M', 1e6}, {'G', 1e9}, {'%', .01}};
    const size_t n = strlen(text);
    char digits[64];
    double factor = 1;

    for (size_t i = 0; n > 1 && n < sizeof digits && i < sizeof endings / sizeof *endings; i++)
        if (text[n - 1] == endings[i].ending) {
            (void)snprintf(digits, sizeof digits, "%.*s", (int)n - 1, text);
            factor = endings[i].factor;
            text = digits;
            break;
        }
    if (!command_double("best", option, text, least / factor, most / factor, value))
        return false;
    *value *= factor;
    return true;
}

static struct report_limit *next(struct report_wish *wish)
{
    if (wish->count == REPORT_MAX_LIMITS) {
        command_usage("best", "no more than %d limits can be given", REPORT_MAX_LIMITS);
        return NULL;
    }
    return &wish->limit[wish->count++];
}

static bool take_limit(const struct limit *limit, struct report_wish *wish)
{
    struct report_limit *to = next(wish);

    if (!to)
        return false;
    *to = (struct report_limit){.option = limit->option, .quantity = limit->quantity};
    return number(limit->option, optarg, limit->least, limit->most, &to->most);
}

/* NAME=VALUE; the name loses its '=' in place. */
static bool take_named(struct report_wish *wish)
{
    char *equals = strchr(optarg, '=');
    struct report_limit *to;

    if (!equals || equals == optarg)
        return command_usage("best", "--max '%s' is no NAME=VALUE", optarg) == COMMAND_DONE;
    if (!(to = next(wish)))
        return false;
    *equals = '\0';
    *to = (struct report_limit){.option = "--max", .quantity = optarg, .objective = true};
    return number("--max", equals + 1, -1e300, 1e300, &to->most);
}

static bool take(int option, struct report_wish *wish, enum report_format *format)
{
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (limits[i].letter == option)
            return take_limit(&limits[i], wish);
    switch (option) {
    case 'x': return take_named(wish);
    case 'f': return format_option("best", optarg, format);
    case 'k': wish->pick = REPORT_KNEE; return true;
    case 's': wish->pick = REPORT_SUGGESTED; return true;
    case 'w': wish->pick = REPORT_WITHIN; return number("--within", optarg, 0, 1e300, &wish->loss);
    default: return false;
    }
}

static int run(int argc, char **argv)
{
    struct report_wish wish = {.count = 0};
    enum report_format format = REPORT_TABLE;
    const char *path = NULL;

    for (int option; (option = command_option("best", argc, argv, "f:", longs)) != -1;)
        if (!take(option, &wish, &format))
            return COMMAND_USAGE;
    if (!command_operand("best", argc, argv, "DB", &path) || !command_no_more("best", argc, argv))
        return COMMAND_USAGE;

    struct rt_err err;
    struct store *store = command_open_read("best", path);
    if (!store)
        return COMMAND_FAILED;
    const rt_status rc = report_best(store, &wish, format, stdout, &err);
    store_close(store);
    return rc == RT_OK ? COMMAND_DONE : command_failed("best", &err);
}

const struct command command_best = {
    .name = "best",
    .use = "DB [--max-latency MS] [--max-params N] ... [--suggested]",
    .summary = "pick one student of the front that fits your limits",
    .help = "Of the students on the front that fit every limit, the one with the lowest error.\n\n"
            "  --max-error E      validation error, 0 to 1\n"
            "  --max-latency MS   median latency in milliseconds\n"
            "  --max-params N     parameters\n"
            "  --max-bytes N      bytes of the weights in fp32\n"
            "  --max-macs N       multiply-accumulates of one forward pass\n"
            "  --max-memory N     peak bytes of activations at batch 1\n"
            "  --max NAME=VALUE   any objective of the study, as `retort front` names it\n"
            "Numbers may end in k, M, G or %: 10k, 1.5M, 5%.\n\n"
            "In place of the lowest error, of what fits:\n"
            "  --suggested        the one with the least of the first other objective whose error\n"
            "                     is within one standard error of the lowest\n"
            "  --within LOSS      the same for an error at most LOSS higher: 0.5%\n"
            "  --knee             the nearest to the best of all objectives at once\n\n"
            "  -f, --format F     table (default), csv or json\n",
    .run = run,
};
