/* cli/cmd_best.c -- `retort best DB [wishes]`: one student of the front. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/formats.h"

static const struct option longs[] = {
    {"max-error", required_argument, NULL, 'e'},  {"max-latency", required_argument, NULL, 'l'},
    {"max-params", required_argument, NULL, 'p'}, {"max-bytes", required_argument, NULL, 'b'},
    {"max-macs", required_argument, NULL, 'm'},   {"max-memory", required_argument, NULL, 'M'},
    {"max", required_argument, NULL, 'x'},        {"knee", no_argument, NULL, 'k'},
    {"format", required_argument, NULL, 'f'},     {0},
};

static bool whole(const char *option, int64_t *value)
{
    return command_int64("best", option, optarg, 1, INT64_MAX, value);
}

/* NAME=VALUE; the name loses its '=' in place. */
static bool any(struct report_wish *wish)
{
    char *equals = strchr(optarg, '=');

    if (!equals || equals == optarg)
        return command_usage("best", "--max '%s' is no NAME=VALUE", optarg) == COMMAND_DONE;
    if (wish->max_count == STORE_MAX_OBJECTIVES)
        return command_usage("best", "--max: no study has more than %d objectives",
                             STORE_MAX_OBJECTIVES) == COMMAND_DONE;
    *equals = '\0';
    wish->max[wish->max_count].objective = optarg;
    return command_double("best", "--max", equals + 1, -1e300, 1e300,
                          &wish->max[wish->max_count++].most);
}

static bool take(int option, struct report_wish *wish, enum report_format *format)
{
    switch (option) {
    case 'e': return command_double("best", "--max-error", optarg, 0, 1, &wish->max_error);
    case 'l':
        return command_double("best", "--max-latency", optarg, 1e-6, 1e9, &wish->max_latency_ms);
    case 'p': return whole("--max-params", &wish->max_params);
    case 'b': return whole("--max-bytes", &wish->max_bytes);
    case 'm': return whole("--max-macs", &wish->max_macs);
    case 'M': return whole("--max-memory", &wish->max_memory);
    case 'x': return any(wish);
    case 'f': return format_option("best", optarg, format);
    case 'k': wish->knee = true; return true;
    default: return false;
    }
}

static int run(int argc, char **argv)
{
    struct report_wish wish = {.max_error = NAN, .max_latency_ms = NAN};
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
    .use = "DB [--max-latency MS] [--max-params N] ... [--knee]",
    .summary = "pick one student of the front that fits your limits",
    .help = "Of the students on the front that fit every limit, the one with the lowest error.\n\n"
            "  --max-error E      validation error, 0 to 1\n"
            "  --max-latency MS   median latency in milliseconds\n"
            "  --max-params N     parameters\n"
            "  --max-bytes N      bytes of the weights in fp32\n"
            "  --max-macs N       multiply-accumulates of one forward pass\n"
            "  --max-memory N     peak bytes of activations at batch 1\n"
            "  --max NAME=VALUE   any objective of the study, as `retort front` names it\n"
            "  --knee             the knee of what fits, in place of the lowest error\n"
            "  -f, --format F     table (default), csv or json\n",
    .run = run,
};
