/* Notes of a policy's file either are refused in one line, or make a controller that sees and acts. The
 * input is lines of key=value. */
#include <stdlib.h>
#include <string.h>

#include "trainer/task/controller.h"
#include "trainer/task/task.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { features = 3, steps = 2, classes = 8, most_notes = 16 };

struct notes {
    int count;
    const char *key[most_notes], *value[most_notes];
};

static const char *note_of(const void *from, const char *key)
{
    const struct notes *notes = from;

    for (int i = 0; i < notes->count; i++)
        if (strcmp(notes->key[i], key) == 0)
            return notes->value[i];
    return NULL;
}

static void cut(char *text, struct notes *notes)
{
    for (char *save, *line = strtok_r(text, "\n", &save); line && notes->count < most_notes;
         line = strtok_r(NULL, "\n", &save)) {
        char *equals = strchr(line, '=');
        if (!equals)
            continue;
        *equals = '\0';
        notes->key[notes->count] = line;
        notes->value[notes->count++] = equals + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const float observed[features] = {1, -2, 3}, logits[classes] = {0, 1, 2, 3, 4, 5, 6, 7};
    struct space_shape shape = {.classes = classes};
    struct tr_controller *controller = NULL;
    struct notes notes = {.count = 0};
    struct rt_err err = {0};
    double action[classes], line[2];
    float input[steps * features];
    char *text = malloc(size + 1);

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    cut(text, &notes);
    const struct tr_notes all = {note_of, &notes, "fuzz", features, steps};
    if (tr_controller_recall(&all, &shape, &controller, &err) == RT_OK) {
        const bool frames = tr_controller_frames(controller);
        if (!frames)
            tr_controller_see(controller, observed, NULL, input);
        tr_controller_act(controller, logits, action);
        if (!frames)
            tr_controller_see(controller, observed, action, input);
        for (int i = 0; !controller->actions.choice && i < controller->actions.parts; i++)
            tr_controller_bins(&controller->actions, i, line);
        tr_controller_free(controller);
    } else if (!err.text[0] || strchr(err.text, '\n')) {
        abort();
    }
    free(text);
    return 0;
}
