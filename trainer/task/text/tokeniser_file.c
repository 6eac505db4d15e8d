/* trainer/task/text/tokeniser_file.c -- tokenisers as Hugging Face writes them. */
#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "trainer/task/text/tokeniser.h"

enum { most_file = 64 << 20 };

static const struct tr_tokeniser bert = {.kind = TR_WORDPIECE,
                                         .rules = {true, true, true, true},
                                         .continuation = "##",
                                         .most_chars = 100};

/* Ids of the control tokens by their names; [PAD] and [MASK] may be missing. */
static rt_status find_controls(struct tr_tokeniser *t, const char *name, const char *unknown,
                               struct rt_err *err)
{
    const char *const control[TR_CONTROLS] = {"[PAD]", unknown, "[CLS]", "[SEP]", "[MASK]"};

    for (int i = 0; i < TR_CONTROLS; i++) {
        t->control[i] = tr_vocabulary_find(&t->vocabulary, control[i], strlen(control[i]));
        if (t->control[i] < 0 && i != TR_PAD && i != TR_MASK)
            return rt_fail(err, RT_EFORMAT,
                           "'%.200s' lacks the token '%.40s': not the vocabulary of a BERT", name,
                           control[i]);
    }
    return RT_OK;
}

/* ---- vocab.txt ---- */

static rt_status add_lines(struct tr_tokeniser *t, const char *name, const char *bytes,
                           size_t count, struct rt_err *err)
{
    struct rt_err why = {0};

    for (size_t at = 0, line = 1; at < count; line++) {
        const char *stop = memchr(bytes + at, '\n', count - at);
        const size_t whole = stop ? (size_t)(stop - bytes) - at : count - at;
        size_t token = whole;

        while (token && strchr(" \t\r\v\f", bytes[at + token - 1]) && bytes[at + token - 1])
            token--;
        if (tr_vocabulary_add(&t->vocabulary, bytes + at, token, &why) != RT_OK)
            return rt_fail(err, why.code == RT_ENOMEM ? RT_ENOMEM : RT_EFORMAT, "'%.160s':%zu: %s",
                           name, line, why.text);
        at += whole + 1;
    }
    return RT_OK;
}

rt_status tr_tokeniser_parse_vocabulary(struct tr_tokeniser *tokeniser, const char *name,
                                        const char *bytes, size_t count, struct rt_err *err)
{
    struct tr_tokeniser t = bert;
    rt_status rc = add_lines(&t, name, bytes, count, err);

    if (!rc)
        rc = find_controls(&t, name, "[UNK]", err);
    if (rc)
        tr_tokeniser_release(&t);
    else
        *tokeniser = t;
    return rc;
}

/* ---- tokenizer.json ---- */

/* true, false or null, which is `unsaid`; anything else, too. */
static bool flag(const json_t *object, const char *key, bool unsaid)
{
    const json_t *value = json_object_get(object, key);

    return json_is_boolean(value) ? json_is_true(value) : unsaid;
}

static const char *type_of(const json_t *object)
{
    const char *type = json_string_value(json_object_get(object, "type"));

    return type ? type : "none";
}

static rt_status read_normaliser(struct tr_tokeniser *t, const char *name, const json_t *root,
                                 struct rt_err *err)
{
    const json_t *normaliser = json_object_get(root, "normalizer");
    const json_t *cutter = json_object_get(root, "pre_tokenizer");

    if (strcmp(type_of(normaliser), "BertNormalizer") != 0)
        return rt_fail(err, RT_EFORMAT,
                       "'%.200s' has the normalizer '%.40s'; only BertNormalizer can be run", name,
                       type_of(normaliser));
    if (strcmp(type_of(cutter), "BertPreTokenizer") != 0)
        return rt_fail(err, RT_EFORMAT,
                       "'%.200s' has the pre_tokenizer '%.40s'; only BertPreTokenizer can be run",
                       name, type_of(cutter));
    t->rules.clean = flag(normaliser, "clean_text", true);
    t->rules.han = flag(normaliser, "handle_chinese_chars", true);
    t->rules.lower = flag(normaliser, "lowercase", true);
    t->rules.accents = flag(normaliser, "strip_accents", t->rules.lower);
    return RT_OK;
}

/* {"token": id, ..}, in any order, each id once and none left out. */
static rt_status read_tokens(struct tr_tokeniser *t, const char *name, json_t *vocab,
                             struct rt_err *err)
{
    const size_t count = json_object_size(vocab);
    const char **token = calloc(count ? count : 1, sizeof *token), *key;
    rt_status rc = token ? RT_OK : rt_fail(err, RT_ENOMEM, "no memory for '%.200s'", name);
    struct rt_err why = {0};
    json_t *value;

    if (!count && !rc)
        rc = rt_fail(err, RT_EFORMAT, "'%.200s' has no model.vocab of tokens and ids", name);
    json_object_foreach(vocab, key, value)
    {
        const json_int_t id = json_is_integer(value) ? json_integer_value(value) : -1;
        if (!rc && (id < 0 || id >= (json_int_t)count || token[id]))
            rc = rt_fail(err, RT_EFORMAT,
                         "'%.200s' gives the token '%.40s' an id that is taken or not below %zu",
                         name, key, count);
        if (!rc)
            token[id] = key;
    }
    for (size_t i = 0; i < count && !rc && token[i]; i++) /* each is there: ids are distinct */
        if ((rc = tr_vocabulary_add(&t->vocabulary, token[i], strlen(token[i]), &why)))
            rc = rt_fail(err, rc == RT_ENOMEM ? RT_ENOMEM : RT_EFORMAT, "'%.160s': %s", name,
                         why.text);
    free(token);
    return rc;
}

static rt_status read_wordpiece(struct tr_tokeniser *t, const char *name, const json_t *root,
                                const json_t *model, struct rt_err *err)
{
    const char *continuation =
        json_string_value(json_object_get(model, "continuing_subword_prefix"));
    const char *unknown = json_string_value(json_object_get(model, "unk_token"));
    const json_t *chars = json_object_get(model, "max_input_chars_per_word");

    if (continuation && strlen(continuation) >= TR_CONTINUATION)
        return rt_fail(err, RT_EFORMAT, "'%.200s' has a continuing_subword_prefix of %zu bytes",
                       name, strlen(continuation));
    if (continuation)
        memcpy(t->continuation, continuation, strlen(continuation) + 1);
    if (json_is_integer(chars)) {
        if (json_integer_value(chars) < 1 || json_integer_value(chars) > TR_WORD_CHARS)
            return rt_fail(err, RT_EFORMAT, "'%.200s' has max_input_chars_per_word beyond 1 to %d",
                           name, TR_WORD_CHARS);
        t->most_chars = (int)json_integer_value(chars);
    }
    RT_TRY(read_normaliser(t, name, root, err));
    RT_TRY(read_tokens(t, name, json_object_get(model, "vocab"), err));
    return find_controls(t, name, unknown ? unknown : "[UNK]", err);
}

/* ---- byte-level BPE ---- */

/* RoBERTa's five, or GPT-2's one, which stands for padding alone. */
static rt_status find_pair_controls(struct tr_tokeniser *t, const char *name, struct rt_err *err)
{
    static const char *const control[TR_CONTROLS] = {"<pad>", "<unk>", "<s>", "</s>", "<mask>"};
    static const char end[] = "<|endoftext|>";

    for (int i = 0; i < TR_CONTROLS; i++)
        t->control[i] = tr_vocabulary_find(&t->vocabulary, control[i], strlen(control[i]));
    if (t->control[TR_CLS] >= 0 && t->control[TR_SEP] >= 0)
        return RT_OK;
    t->control[TR_CLS] = t->control[TR_SEP] = -1;
    t->control[TR_PAD] = tr_vocabulary_find(&t->vocabulary, end, sizeof end - 1);
    if (t->control[TR_PAD] < 0)
        return rt_fail(err, RT_EFORMAT,
                       "'%.200s' has neither <s> and </s> nor %s: not the vocabulary of a RoBERTa "
                       "or a GPT-2",
                       name, end);
    return RT_OK;
}

/* "left right", the space between being the last. */
static rt_status add_merge(struct tr_tokeniser *t, const char *name, const char *line, size_t bytes,
                           struct rt_err *err)
{
    const char *space = bytes ? memchr(line, ' ', bytes) : NULL;
    struct rt_err why;

    if (!space || memchr(space + 1, ' ', bytes - (size_t)(space + 1 - line)))
        return rt_fail(err, RT_EFORMAT, "'%.200s': merge %d is not two tokens with a space between",
                       name, t->merges.count);
    const size_t left = (size_t)(space - line);
    if (tr_merges_add(&t->merges, &t->vocabulary, line, left, space + 1, bytes - left - 1, &why))
        return rt_fail(err, RT_EFORMAT, "'%.200s': %s", name, why.text);
    return RT_OK;
}

/* As texts "left right", or as pairs of texts. */
static rt_status read_merges(struct tr_tokeniser *t, const char *name, const json_t *merges,
                             struct rt_err *err)
{
    char line[2 * TR_TOKEN_BYTES + 2];
    struct rt_err why;
    size_t i;
    json_t *entry;

    if (!json_is_array(merges) || json_array_size(merges) > TR_VOCABULARY_MAX)
        return rt_fail(err, RT_EFORMAT, "'%.200s' has no list of model.merges", name);
    if (tr_merges_init(&t->merges, &t->vocabulary, (int)json_array_size(merges), &why))
        return rt_fail(err, why.code, "'%.200s': %s", name, why.text);
    json_array_foreach(merges, i, entry)
    {
        const char *left = json_string_value(json_array_get(entry, 0));
        const char *right = json_string_value(json_array_get(entry, 1));
        int bytes = -1;
        if (json_is_string(entry))
            bytes = snprintf(line, sizeof line, "%s", json_string_value(entry));
        else if (left && right && json_array_size(entry) == 2)
            bytes = snprintf(line, sizeof line, "%s %s", left, right);
        if (bytes < 0 || (size_t)bytes >= sizeof line)
            return rt_fail(err, RT_EFORMAT, "'%.200s': merge %zu is not two tokens", name, i);
        RT_TRY(add_merge(t, name, line, (size_t)bytes, err));
    }
    return RT_OK;
}

static rt_status read_pairs(struct tr_tokeniser *t, const char *name, const json_t *root,
                            const json_t *model, struct rt_err *err)
{
    static const char *const unusable[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    const json_t *cutter = json_object_get(root, "pre_tokenizer");

    *t = (struct tr_tokeniser){.kind = TR_PAIRS};
    if (strcmp(type_of(cutter), "ByteLevel") != 0 || !flag(cutter, "use_regex", true))
        return rt_fail(err, RT_EFORMAT,
                       "'%.200s' has BPE behind the pre_tokenizer '%.40s'; only ByteLevel, as of "
                       "RoBERTa and GPT-2, can be run",
                       name, type_of(cutter));
    if (json_object_get(root, "normalizer") && !json_is_null(json_object_get(root, "normalizer")))
        return rt_fail(err, RT_EFORMAT, "'%.200s' has BPE behind a normalizer, which cannot be run",
                       name);
    for (size_t i = 0; i < 2; i++) {
        const char *affix = json_string_value(json_object_get(model, unusable[i]));
        if (affix && *affix)
            return rt_fail(err, RT_EFORMAT, "'%.200s' has BPE with a %s, which cannot be run", name,
                           unusable[i]);
    }
    t->space_first = flag(cutter, "add_prefix_space", true);
    RT_TRY(read_tokens(t, name, json_object_get(model, "vocab"), err));
    RT_TRY(find_pair_controls(t, name, err));
    return read_merges(t, name, json_object_get(model, "merges"), err);
}

static rt_status read_model(struct tr_tokeniser *t, const char *name, const json_t *root,
                            struct rt_err *err)
{
    const json_t *model = json_object_get(root, "model");

    if (!json_is_object(model))
        return rt_fail(err, RT_EFORMAT, "'%.200s' has no model: not a tokenizer.json", name);
    if (strcmp(type_of(model), "WordPiece") == 0)
        return read_wordpiece(t, name, root, model, err);
    if (strcmp(type_of(model), "BPE") == 0)
        return read_pairs(t, name, root, model, err);
    return rt_fail(
        err, RT_EFORMAT,
        "the tokeniser of '%.200s' is %.40s; WordPiece and byte-level BPE can be run, and "
        "for any other recorded logits",
        name, type_of(model));
}

rt_status tr_tokeniser_parse_json(struct tr_tokeniser *tokeniser, const char *name,
                                  const char *bytes, size_t count, struct rt_err *err)
{
    struct tr_tokeniser t = bert;
    json_error_t error;
    json_t *root = json_loadb(bytes, count, JSON_REJECT_DUPLICATES, &error);

    if (!root)
        return rt_fail(err, RT_EFORMAT, "'%.160s':%d: not JSON: %.160s", name, error.line,
                       error.text);
    const rt_status rc = read_model(&t, name, root, err);
    json_decref(root);
    if (rc)
        tr_tokeniser_release(&t);
    else
        *tokeniser = t;
    return rc;
}

/* ---- files ---- */

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

static rt_status open_file(struct tr_tokeniser *tokeniser, const char *path, struct rt_err *err)
{
    char *bytes;
    size_t count;

    RT_TRY(rt_file_read(path, most_file, &bytes, &count, err));
    const rt_status rc = ends_with(path, ".json")
                             ? tr_tokeniser_parse_json(tokeniser, path, bytes, count, err)
                             : tr_tokeniser_parse_vocabulary(tokeniser, path, bytes, count, err);
    free(bytes);
    return rc;
}

/* What tokenizer_config.json says beside a vocab.txt; it need not be there. */
static rt_status read_config(struct tr_tokeniser *t, const char *path, struct rt_err *err)
{
    json_error_t error;
    struct stat there;

    if (stat(path, &there) != 0)
        return RT_OK;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        return rt_fail(err, RT_EFORMAT, "'%.160s':%d: not JSON: %.160s", path, error.line,
                       error.text);
    t->rules.lower = flag(root, "do_lower_case", true);
    t->rules.accents = flag(root, "strip_accents", t->rules.lower);
    t->rules.han = flag(root, "tokenize_chinese_chars", true);
    json_decref(root);
    return RT_OK;
}

/* merges.txt: a merge a line behind a first one that begins with #version. */
static rt_status read_merge_lines(struct tr_tokeniser *t, const char *path, struct rt_err *err)
{
    struct rt_err why;
    size_t count, lines = 1;
    char *text;
    rt_status rc;

    RT_TRY(rt_file_read(path, most_file, &text, &count, err));
    for (size_t i = 0; i < count; i++)
        lines += text[i] == '\n';
    if ((rc = tr_merges_init(&t->merges, &t->vocabulary, (int)lines, &why)))
        rc = rt_fail(err, rc, "'%.200s': %s", path, why.text);
    for (size_t at = 0; at < count && !rc;) {
        const char *stop = memchr(text + at, '\n', count - at);
        const size_t whole = stop ? (size_t)(stop - text) - at : count - at;
        const size_t bytes = whole && text[at + whole - 1] == '\r' ? whole - 1 : whole;
        if (bytes && !(at == 0 && strncmp(text, "#version", 8) == 0))
            rc = add_merge(t, path, text + at, bytes, err);
        at += whole + 1;
    }
    free(text);
    return rc;
}

/* vocab.json with merges.txt, as GPT-2 and RoBERTa were published. */
static rt_status open_pairs(struct tr_tokeniser *tokeniser, const char *folder, struct rt_err *err)
{
    char vocabulary[RT_PATH_MAX + 32], merges[RT_PATH_MAX + 32], config[RT_PATH_MAX + 32];
    struct tr_tokeniser t = {.kind = TR_PAIRS};
    json_error_t error;

    (void)snprintf(vocabulary, sizeof vocabulary, "%s/vocab.json", folder);
    (void)snprintf(merges, sizeof merges, "%s/merges.txt", folder);
    (void)snprintf(config, sizeof config, "%s/tokenizer_config.json", folder);
    json_t *said = json_load_file(config, 0, NULL);
    t.space_first = flag(said, "add_prefix_space", false);
    json_decref(said);
    json_t *tokens = json_load_file(vocabulary, JSON_REJECT_DUPLICATES, &error);
    if (!tokens)
        return rt_fail(err, RT_EFORMAT, "'%.160s':%d: not JSON: %.160s", vocabulary, error.line,
                       error.text);
    rt_status rc = read_tokens(&t, vocabulary, tokens, err);
    json_decref(tokens);
    if (!rc && !(rc = find_pair_controls(&t, vocabulary, err)))
        rc = read_merge_lines(&t, merges, err);
    if (rc)
        tr_tokeniser_release(&t);
    else
        *tokeniser = t;
    return rc;
}

static rt_status open_folder(struct tr_tokeniser *tokeniser, const char *path, struct rt_err *err)
{
    char file[RT_PATH_MAX + 32];
    struct stat there;
    rt_status rc;

    (void)snprintf(file, sizeof file, "%s/tokenizer.json", path);
    if (stat(file, &there) == 0)
        return open_file(tokeniser, file, err);
    (void)snprintf(file, sizeof file, "%s/vocab.json", path);
    if (stat(file, &there) == 0)
        return open_pairs(tokeniser, path, err);
    (void)snprintf(file, sizeof file, "%s/vocab.txt", path);
    if (stat(file, &there) != 0)
        return rt_fail(err, RT_EIO, "'%.200s' has neither a tokenizer.json nor a vocab.txt", path);
    RT_TRY(open_file(tokeniser, file, err));
    (void)snprintf(file, sizeof file, "%s/tokenizer_config.json", path);
    if ((rc = read_config(tokeniser, file, err)))
        tr_tokeniser_release(tokeniser);
    return rc;
}

rt_status tr_tokeniser_open(struct tr_tokeniser *tokeniser, const char *path, struct rt_err *err)
{
    struct stat there;

    if (strlen(path) >= RT_PATH_MAX)
        return rt_fail(err, RT_EARG, "'%.200s..': the path is too long", path);
    if (stat(path, &there) == 0 && S_ISDIR(there.st_mode))
        return open_folder(tokeniser, path, err);
    return open_file(tokeniser, path, err);
}
