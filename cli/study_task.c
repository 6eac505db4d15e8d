/* cli/study_task.c -- the tasks there are: the one place where a new one is listed. */
#include "cli/study_task.h"

const struct study_task *const study_tasks[] = {&study_image, &study_text, &study_policy, NULL};
const char *const study_task_names[] = {"image", "text", "policy",
                                        NULL}; /* as in the tasks; a test compares */
