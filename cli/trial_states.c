/* cli/trial_states.c -- see trial_states.h. */
#include "cli/trial_states.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/checkpoints.h"
#include "cli/full_run.h"

static const char prefix[] = "trial-", ending[] = ".state";
enum { worth_seconds = 30 }; /* a trial that is stopped earlier begins anew */

rt_status trial_states_open(struct trial_states *states, const struct session *session,
                            const char *db, struct rt_err *err)
{
    RT_TRY(checkpoints_beside(db, "runs", states->folder, err));
    return full_run_made_of(session, "trials", states->made_of, err);
}

rt_status trial_states_of(const struct trial_states *states, const struct search_job *job,
                          struct tr_resume *resume, struct rt_err *err)
{
    char line[RT_HASH_TEXT + 64];

    *resume = (struct tr_resume){.least = worth_seconds};
    const int n = snprintf(line, sizeof line, "%s %" PRId64 " %" PRId64, states->made_of,
                           job->number, job->inherits);
    rt_hash_bytes(line, (size_t)n, resume->made_of);
    if (snprintf(resume->path, sizeof resume->path, "%s/%s%" PRId64 "%s", states->folder, prefix,
                 job->number, ending) >= (int)sizeof resume->path)
        return rt_fail(err, RT_EIO, "the path '%.80s...' is too long", states->folder);
    return RT_OK;
}

/* A state, or what a killed write of one left. */
static bool is_state(const char *name)
{
    const char *dot = strchr(name, '.');

    return dot && strncmp(dot, ending, sizeof ending - 1) == 0 &&
           strncmp(name, prefix, sizeof prefix - 1) == 0;
}

void trial_states_clear(const char *folder, double seconds)
{
    DIR *open = opendir(folder);
    struct dirent *found;
    struct stat about;

    while (open && (found = readdir(open)))
        if (is_state(found->d_name) &&
            (seconds <= 0 || (fstatat(dirfd(open), found->d_name, &about, 0) == 0 &&
                              difftime(time(NULL), about.st_mtime) >= seconds)))
            (void)unlinkat(dirfd(open), found->d_name, 0);
    if (open)
        (void)closedir(open);
    (void)rmdir(folder); /* unless another run's state is there */
}
