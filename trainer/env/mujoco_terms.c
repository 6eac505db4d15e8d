/* trainer/env/mujoco_terms.c -- texts of terms, read word by word. */
#include "trainer/env/mujoco_terms.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { most_words = 8, item_room = 96 };

static const char *const names[TR_QUANTITIES] = {
    "qpos", "qvel", "sin", "cos", "site_x", "site_y", "site_z", "constraint", "sensor"};

const char *tr_quantity_name(enum tr_quantity what)
{
    return names[what];
}

struct item { /* the words between two commas */
    char text[item_room], words[item_room];
    char *word[most_words];
    int count, at; /* at: the next to be read */
};

/* Cuts the next item off *rest; false at the end. */
static rt_status next_item(const char **rest, const char *key, struct item *item, bool *more,
                           struct rt_err *err)
{
    const char *start = *rest + strspn(*rest, " \t\n");
    const size_t length = strcspn(start, ",");
    char *save = NULL;

    *more = *start != '\0';
    *rest = start + length + (start[length] == ',');
    if (length >= item_room)
        return rt_fail(err, RT_EARG, "a term of `%s` is longer than %d letters: '%.40s..'", key,
                       item_room - 1, start);
    *item = (struct item){.count = 0};
    memcpy(item->text, start, length);
    rt_text_plain(item->text);
    memcpy(item->words, start, length);
    for (char *w = strtok_r(item->words, " \t\n", &save); w; w = strtok_r(NULL, " \t\n", &save)) {
        if (item->count == most_words)
            return rt_fail(err, RT_EARG, "too many words in '%s' of `%s`", item->text, key);
        item->word[item->count++] = w;
    }
    if (*more && item->count == 0)
        return rt_fail(err, RT_EARG, "an empty term in `%s`: two commas, or one too many", key);
    return RT_OK;
}

static bool take_word(struct item *item, const char *word)
{
    if (item->at == item->count || strcmp(item->word[item->at], word) != 0)
        return false;
    item->at++;
    return true;
}

static bool take_number(struct item *item, double *value)
{
    char *end = NULL;

    if (item->at == item->count)
        return false;
    *value = strtod(item->word[item->at], &end);
    if (end == item->word[item->at] || *end || isnan(*value))
        return false;
    item->at++;
    return true;
}

/* An index of at most 9 digits, and where it ends. */
static bool read_index(const char **text, int *value)
{
    const size_t digits = strspn(*text, "0123456789");

    if (digits == 0 || digits > 9)
        return false;
    *value = (int)strtol(*text, NULL, 10);
    *text += digits;
    return true;
}

static bool take_range(struct item *item, struct tr_range *range)
{
    const char *text = item->at < item->count ? item->word[item->at] : "";

    if (!read_index(&text, &range->from))
        return false;
    range->to = range->from + 1;
    if (*text == ':') {
        text++;
        range->to = -1;
        if (*text && (!read_index(&text, &range->to) || range->to <= range->from))
            return false;
    }
    item->at++;
    return *text == '\0';
}

static bool take_quantity(struct item *item, struct tr_range *range)
{
    for (int i = 0; i < TR_QUANTITIES; i++)
        if (take_word(item, names[i])) {
            range->what = (enum tr_quantity)i;
            range->from = 0;
            range->to = -1;
            return true;
        }
    return false;
}

/* A quantity and, unless another word follows, its range. */
static bool take_numbers(struct item *item, const char *then, struct tr_range *range)
{
    if (!take_quantity(item, range))
        return false;
    return item->at == item->count || strcmp(item->word[item->at], then) == 0 ||
           take_range(item, range);
}

static bool read_observe(struct item *item, struct tr_observe_term *term)
{
    term->clip = INFINITY;
    if (!take_numbers(item, "clip", &term->of))
        return false;
    return !take_word(item, "clip") || (take_number(item, &term->clip) && term->clip > 0);
}

static bool one_number(const struct tr_range *range)
{
    return range->to == range->from + 1;
}

static bool read_reward(struct item *item, struct tr_reward_term *term)
{
    term->of = (struct tr_range){TR_QPOS, 0, 1};
    term->target = 0;
    if (!take_number(item, &term->weight) || isinf(term->weight))
        return false;
    if (take_word(item, "alive") || take_word(item, "control")) {
        term->kind = item->word[item->at - 1][0] == 'a' ? TR_REWARD_ALIVE : TR_REWARD_CONTROL;
        return true;
    }
    if (take_word(item, "forward")) {
        term->kind = TR_REWARD_FORWARD;
        return take_range(item, &term->of) && one_number(&term->of);
    }
    term->kind = TR_REWARD_SQUARE;
    if (!take_word(item, "square") || !take_quantity(item, &term->of) ||
        !take_range(item, &term->of) || !one_number(&term->of))
        return false;
    return !take_word(item, "from") || (take_number(item, &term->target) && !isinf(term->target));
}

static bool read_healthy(struct item *item, struct tr_healthy_term *term)
{
    return take_numbers(item, "within", &term->of) && take_word(item, "within") &&
           take_number(item, &term->low) && take_number(item, &term->high) &&
           term->low < term->high;
}

enum list { OBSERVATION, REWARD, HEALTHY };

static bool read_item(enum list list, struct item *item, struct tr_mujoco_terms *terms)
{
    bool read;

    if (list == OBSERVATION)
        read = read_observe(item, &terms->observe[terms->observe_count++]);
    else if (list == REWARD)
        read = read_reward(item, &terms->reward[terms->reward_count++]);
    else
        read = read_healthy(item, &terms->healthy[terms->healthy_count++]);
    return read && item->at == item->count;
}

static rt_status read_list(enum list list, const char *text, struct tr_mujoco_terms *terms,
                           struct rt_err *err)
{
    static const char *const keys[] = {"observation", "reward", "healthy"};
    static const char *const shapes[] = {
        "QUANTITY [RANGE] [clip C]",
        "WEIGHT forward I, WEIGHT alive, WEIGHT control or WEIGHT square QUANTITY I [from T]",
        "QUANTITY [RANGE] within LOW HIGH"};
    struct item item;
    bool more;

    for (int n = 0;; n++) {
        RT_TRY(next_item(&text, keys[list], &item, &more, err));
        if (!more)
            return RT_OK;
        if (n == TR_TERMS_MOST)
            return rt_fail(err, RT_EARG, "`%s` has more than %d terms", keys[list], TR_TERMS_MOST);
        if (!read_item(list, &item, terms))
            return rt_fail(err, RT_EARG, "'%s' is no term of `%s`, which is %s", item.text,
                           keys[list], shapes[list]);
    }
}

rt_status tr_mujoco_terms_parse(const char *observation, const char *reward, const char *healthy,
                                struct tr_mujoco_terms *terms, struct rt_err *err)
{
    *terms = (struct tr_mujoco_terms){.observe_count = 0};
    RT_TRY(read_list(OBSERVATION, observation, terms, err));
    RT_TRY(read_list(REWARD, reward, terms, err));
    RT_TRY(read_list(HEALTHY, healthy, terms, err));
    if (terms->observe_count == 0 || terms->reward_count == 0)
        return rt_fail(err, RT_EARG, "a model needs at least one term of `%s`",
                       terms->observe_count ? "reward" : "observation");
    return RT_OK;
}
