/* cli/remote_hello.c -- see remote_hello.h. */
#include "cli/remote_hello.h"

#include <cblas.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/program.h"
#include "search/remote_worker.h"

rt_status remote_hello_query(int slots, struct remote_hello *hello, struct rt_err *err)
{
    const struct tr_kernels *kernels;

    *hello = (struct remote_hello){.slots = slots};
    RT_TRY(tr_kernels_choose(&kernels, err));
    rt_machine_query(&hello->machine);
    program_query(tr_kernels_name(kernels), &hello->program);
    (void)snprintf(hello->core, sizeof hello->core, "%s", openblas_get_corename());
    return RT_OK;
}

rt_status remote_hello_print(const struct remote_hello *hello, char **text, struct rt_err *err)
{
    const struct store_program *p = &hello->program;
    const struct rt_machine *m = &hello->machine;
    json_t *all = json_pack(
        "{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:I}", "slots", hello->slots,
        "version", p->version, "build", p->build, "kernels", p->kernels, "blas", p->blas, "libc",
        p->libc, "core", hello->core, "host", m->host, "cpu", m->cpu, "governor", m->governor,
        "system", m->kernel, "cores", m->cores, "memory", (json_int_t)m->memory);

    *text = all ? json_dumps(all, JSON_COMPACT) : NULL;
    json_decref(all);
    return *text ? RT_OK : rt_fail(err, RT_ENOMEM, "no memory to say what this machine is");
}

static bool take(const json_t *all, const char *name, char *to, size_t bytes)
{
    const char *text = json_string_value(json_object_get(all, name));

    if (!text || strlen(text) >= bytes)
        return false;
    memcpy(to, text, strlen(text) + 1);
    rt_text_plain(to);
    return true;
}

static bool number(const json_t *all, const char *name, int64_t most, int64_t *to)
{
    const json_t *value = json_object_get(all, name);

    *to = json_integer_value(value);
    return json_is_integer(value) && *to >= 0 && *to <= most;
}

rt_status remote_hello_parse(const char *text, struct remote_hello *hello, struct rt_err *err)
{
    json_t *all = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    struct store_program *p = &hello->program;
    struct rt_machine *m = &hello->machine;
    int64_t slots, cores;

    *hello = (struct remote_hello){0};
    const bool good =
        take(all, "version", p->version, sizeof p->version) && p->version[0] &&
        take(all, "build", p->build, sizeof p->build) &&
        take(all, "kernels", p->kernels, sizeof p->kernels) &&
        take(all, "blas", p->blas, sizeof p->blas) && take(all, "libc", p->libc, sizeof p->libc) &&
        take(all, "core", hello->core, sizeof hello->core) &&
        take(all, "host", m->host, sizeof m->host) && take(all, "cpu", m->cpu, sizeof m->cpu) &&
        take(all, "governor", m->governor, sizeof m->governor) &&
        take(all, "system", m->kernel, sizeof m->kernel) &&
        number(all, "slots", REMOTE_MAX_SLOTS, &slots) && slots > 0 &&
        number(all, "cores", INT32_MAX, &cores) && number(all, "memory", INT64_MAX, &m->memory);
    json_decref(all);
    if (!good)
        return rt_fail(err, RT_EFORMAT, "its hello is not readable");
    hello->slots = (int)slots;
    m->cores = (int)cores;
    return RT_OK;
}

bool remote_hello_same(const struct remote_hello *hello, const struct store_program *ours,
                       const struct settings *settings, char *why, size_t bytes)
{
    const struct store_program *its = &hello->program;
    const char *host = hello->machine.host;

    why[0] = '\0';
    if (strcmp(settings->kernels, "none") == 0) /* a command computes */
        return true;
    if (strcmp(its->version, ours->version) != 0 || strcmp(its->build, ours->build) != 0)
        (void)snprintf(why, bytes,
                       "'%.60s' has another build of retort (%.20s, %.8s) than the search (%.20s, "
                       "%.8s): use the same program",
                       host, its->version, its->build, ours->version, ours->build);
    else if (strcmp(its->kernels, settings->kernels) != 0)
        (void)snprintf(why, bytes,
                       "'%.60s' would use the kernels '%s' and the study began with '%s': set "
                       "RETORT_KERNELS=%s there",
                       host, its->kernels, settings->kernels, settings->kernels);
    else if (settings_need_core(settings) && strcmp(hello->core, settings->core) != 0)
        (void)snprintf(why, bytes,
                       "OpenBLAS multiplies for a '%s' on '%.60s' and for a '%s' in the study: set "
                       "OPENBLAS_CORETYPE=%s there",
                       hello->core, host, settings->core, settings->core);
    return why[0] == '\0';
}
