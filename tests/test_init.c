/* tests/test_init.c -- every choice in the study that `retort init` writes is one. */
#include "support.h"

#include <ctype.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/study.h"

extern const struct command command_init;
const struct command *const command_table[] = {&command_init, NULL}; /* in place of main.c */
static const struct space_shape fashion = {
    .height = 28, .width = 28, .channels = 1, .classes = 10, .pool = SPACE_POOL_CLASS};
static const struct space_shape glosses = {.length = 32, .classes = 45, .pool = SPACE_POOL_MEAN};
static char *text; /* of the study */
static const struct space_shape tokens = {.length = 32,
                                          .classes = 2000,
                                          .pool = SPACE_POOL_NONE,
                                          .variant = {.causal = true, .head = SPACE_HEAD_TIED}};
static const struct {
    const char *name, *target;
    const struct space_shape *shape;
    int fewest; /* choices that it offers */
} tasks[] = {
    {"image", NULL, &fashion, 15}, {"text", NULL, &glosses, 2}, {"text", "next", &tokens, 0}};
static int of; /* which of them `text` is */

static int write_study(void **state)
{
    char folder[] = "/tmp/retort-init-XXXXXX", path[64], command[] = "init", task[16], target[24];
    char *argv[] = {command, task, folder, target, NULL};
    size_t bytes;
    struct rt_err err;
    of = *(const int *)*state;
    (void)snprintf(task, sizeof task, "%s", tasks[of].name);
    (void)snprintf(target, sizeof target, "--target=%s", tasks[of].target ? tasks[of].target : "");
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(path, sizeof path, "%s/study.yaml", folder);
    optind = 1;
    const bool good = command_init.run(tasks[of].target ? 4 : 3, argv) == COMMAND_DONE &&
                      rt_file_read(path, 1 << 20, &text, &bytes, &err) == RT_OK;
    unlink(path);
    rmdir(folder);
    return good ? 0 : -1;
}

static int release(void **state)
{
    (void)state;
    free(text);
    return 0;
}

/* "  #key: value" */
static bool is_choice(const char *line)
{
    line += strspn(line, " ");
    return line[0] == '#' && isalpha((unsigned char)line[1]);
}

static bool same_key(const char *a, const char *b)
{
    a += strspn(a, " #");
    b += strspn(b, " #");
    const size_t length = strcspn(a, ":");
    return length == strcspn(b, ":") && strncmp(a, b, length) == 0;
}

/* The study with the choice on line `first` taken, with those right below it unless they are others
 * for the same key, and with data.held_out, which some need. How many lines; 0: no choice there. */
static int take(int first, char *out)
{
    const char *top = NULL;
    int number = 0, taken = 0;
    bool open = true;

    for (const char *line = text; *line; number++) {
        const size_t length = strcspn(line, "\n") + 1;
        bool mine = false;
        if (number == first && is_choice(line)) {
            top = line;
            mine = true;
        } else if (number > first && open && top)
            mine = is_choice(line) && !same_key(line, top);
        if (number > first && !mine)
            open = false;
        taken += mine;
        const size_t hash = strspn(line, " ");
        if (mine || strncmp(line + hash, "#held_out", 9) == 0) {
            memcpy(out, line, hash);
            memcpy(out + hash, line + hash + 1, length - hash - 1);
            out += length - 1;
        } else {
            memcpy(out, line, length);
            out += length;
        }
        line += length;
    }
    *out = '\0';
    return taken;
}

static void assert_good(const char *yaml)
{
    struct study study;
    struct rt_err err;

    if (study_parse("study.yaml", yaml, strlen(yaml), &study, &err) ||
        study_bind_shape(&study, tasks[of].shape, &err))
        fail_msg("%s in:\n%s", err.text, yaml);
    study_release(&study);
}

static void the_study_is_read_as_it_is(void **state)
{
    (void)state;
    assert_good(text);
}

/* As databases of studies that were begun with it have it. */
static void its_hash_stays(void **state)
{
    struct study study;
    char hash[RT_HASH_TEXT];
    struct rt_err err;
    (void)state;
    assert_ok(study_parse("study.yaml", text, strlen(text), &study, &err));

    study_hash(&study, hash);

    assert_string_equal(hash, "07a7584833fcc22fa2e9c23ae51dc21d");
    study_release(&study);
}

static void every_choice_can_be_taken(void **state)
{
    char *changed = malloc(strlen(text) + 1);
    int choices = 0;
    (void)state;
    assert_non_null(changed);
    for (int line = 0; line < 200; line++) {
        const int taken = take(line, changed);
        if (!taken)
            continue;
        assert_good(changed);
        choices++;
        line += taken - 1;
    }
    assert_in_range(choices, tasks[of].fewest, 40);
    free(changed);
}

#define TEST(function, which) {#function, function, write_study, release, (void *)&numbers[which]}

int main(void)
{
    static const int numbers[] = {0, 1, 2};
    const struct CMUnitTest tests[] = {
        TEST(the_study_is_read_as_it_is, 0), TEST(its_hash_stays, 0),
        TEST(every_choice_can_be_taken, 0),  TEST(the_study_is_read_as_it_is, 1),
        TEST(every_choice_can_be_taken, 1),  TEST(the_study_is_read_as_it_is, 2),
    };
    return cmocka_run_group_tests_name("retort init", tests, NULL, NULL);
}
