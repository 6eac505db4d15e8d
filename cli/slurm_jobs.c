/* cli/slurm_jobs.c -- see slurm_jobs.h. */
#include "cli/slurm_jobs.h"

#include <assert.h>
#include <string.h>

/* ---- texts ---- */

static bool is_line(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127)
            return false;
    return true;
}

/* Slurm reads paths of its own lines by other rules than the shell: what these would change is left
 * to nobody. */
static rt_status check_path(const char *what, const char *path, struct rt_err *err)
{
    if (!is_line(path) || strpbrk(path, "\"\\%"))
        return rt_fail(err, RT_EARG,
                       "the %s '%.200s' has a quote, a backslash, a percent sign or a control "
                       "character in its path, which Slurm would take for something else; use "
                       "another folder",
                       what, path);
    return RT_OK;
}

static rt_status check_word(const char *what, const char *text, struct rt_err *err)
{
    static const char good[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:,=";

    if (text && (!*text || text[strspn(text, good)]))
        return rt_fail(err, RT_EARG,
                       "%s '%.60s' is not of letters, digits and -_.:,= as Slurm wants it", what,
                       text);
    return RT_OK;
}

rt_status slurm_check(const struct slurm_jobs *jobs, struct rt_err *err)
{
    RT_TRY(check_path("program", jobs->program, err));
    RT_TRY(check_path("study", jobs->study, err));
    RT_TRY(check_path("database", jobs->db, err));
    RT_TRY(check_path("folder", jobs->folder, err));
    RT_TRY(check_path("key", jobs->key, err));
    RT_TRY(check_word("the host", jobs->host, err));
    RT_TRY(check_word("the time", jobs->time, err));
    RT_TRY(check_word("the partition", jobs->partition, err));
    for (int i = 0; i < jobs->option_count; i++) {
        const char *option = jobs->options[i];
        if (option[0] != '-' || !is_line(option))
            return rt_fail(err, RT_EARG,
                           "'%.60s' is no option of sbatch: it begins with '-' and is one line",
                           option);
    }
    return RT_OK;
}

/* As one word of the shell. */
static void quote(FILE *out, const char *text)
{
    putc('\'', out);
    for (; *text; text++)
        if (*text == '\'')
            fputs("'\\''", out);
        else
            putc(*text, out);
    putc('\'', out);
}

static void assign(FILE *out, const char *name, const char *text)
{
    fprintf(out, "%s=", name);
    quote(out, text);
    putc('\n', out);
}

/* ---- what both begin with ---- */

static void write_head(const struct slurm_jobs *jobs, const char *role, int cores, int64_t bytes,
                       const char *log, FILE *out)
{
    fprintf(out, "#!/bin/sh\n" SLURM_MARK " The %s of a search.\n", role);
    fprintf(out, "#SBATCH --job-name=%s%s\n", jobs->name, cores ? "-workers" : "");
    fprintf(out, "#SBATCH --ntasks=1\n#SBATCH --cpus-per-task=%d\n", cores ? cores : 2);
    if (bytes > 0)
        fprintf(out, "#SBATCH --mem=%lldM\n", (long long)((bytes + (1 << 20) - 1) >> 20));
    fprintf(out, "#SBATCH --requeue\n#SBATCH --open-mode=append\n");
    fprintf(out, "#SBATCH --output=\"%s/%s\"\n", jobs->folder, log);
    if (jobs->time)
        fprintf(out, "#SBATCH --time=%s\n", jobs->time);
    if (jobs->partition)
        fprintf(out, "#SBATCH --partition=%s\n", jobs->partition);
}

static void write_rest_of_head(const struct slurm_jobs *jobs, FILE *out)
{
    for (int i = 0; i < jobs->option_count; i++)
        fprintf(out, "#SBATCH %s\n", jobs->options[i]);
    putc('\n', out);
    assign(out, "retort", jobs->program);
    assign(out, "key", jobs->key);
    fputs("cd ", out);
    quote(out, jobs->folder);
    fputs(" || exit 1\n", out);
}

/* ---- the jobs ---- */

void slurm_write_coordinator(const struct slurm_jobs *jobs, FILE *out)
{
    assert(jobs->workers > 0 && jobs->slots > 0 && jobs->port > 0);
    write_head(jobs, "coordinator", 0, jobs->coordinator_bytes, "coordinator.log", out);
    fputs("#SBATCH --dependency=singleton\n", out);
    write_rest_of_head(jobs, out);
    assign(out, "study", jobs->study);
    assign(out, "db", jobs->db);
    if (jobs->host)
        assign(out, "host", jobs->host);
    else
        fputs("host=$(hostname)\n", out);
    fprintf(out,
            "port=%d\n"
            "trap : TERM # the search ends cleanly, and then this does\n"
            "echo \"tcp://$host:$port\" >address.new && mv address.new address || exit 1\n"
            "\"$retort\" search \"$study\" --db \"$db\" --listen \"tcp://0.0.0.0:$port\" --key "
            "\"$key\" --workers 0\n"
            "code=$?\n"
            "# 128 and more: a signal; whoever is started next goes on.\n"
            "[ $code -ge 128 ] || { echo ended >address.new && mv address.new address; }\n"
            "exit $code\n",
            jobs->port);
}

void slurm_write_workers(const struct slurm_jobs *jobs, FILE *out)
{
    assert(jobs->workers > 0 && jobs->slots > 0 && jobs->port > 0);
    write_head(jobs, "workers", jobs->slots, jobs->worker_bytes, "worker-%a.log", out);
    fprintf(out, "#SBATCH --array=1-%d\n", jobs->workers);
    write_rest_of_head(jobs, out);
    fprintf(
        out,
        "stopped=\n"
        "trap 'stopped=yes' TERM # the worker ends cleanly, and then this does\n"
        "while [ -z \"$stopped\" ]; do\n"
        "  address=$(cat address 2>/dev/null)\n"
        "  [ -n \"$address\" ] || { sleep 2; continue; }\n"
        "  [ \"$address\" != ended ] || exit 0\n"
        "  \"$retort\" worker --connect \"$address\" --key \"$key\" --slots %d &\n"
        "  worker=$!\n"
        "  sleep 1 # until then a signal is lost between this shell and the program\n"
        "  while kill -0 $worker 2>/dev/null && [ \"$(cat address)\" = \"$address\" ]; do sleep "
        "5; done\n"
        "  [ -n \"$stopped\" ] || kill $worker 2>/dev/null # the search is elsewhere now\n"
        "  wait $worker\n"
        "  code=$?\n"
        "  [ \"$(cat address)\" != \"$address\" ] || exit $code\n"
        "done\n"
        "exit 143\n",
        jobs->slots);
}
