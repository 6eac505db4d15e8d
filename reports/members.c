/* reports/members.c -- the students of the front by name, for commands that go on with them. */
#include <stdio.h>
#include <stdlib.h>

#include "reports/report.h"
#include "reports/rows.h"
#include "reports/suggest.h"

static rt_status copy(const struct report__rows *front, int first, int count,
                      struct report_members *members, struct rt_err *err)
{
    members->arch = calloc((size_t)count, sizeof *members->arch);
    if (!members->arch)
        return rt_fail(err, RT_ENOMEM, "no memory for %d students", count);
    for (int i = 0; i < count; i++)
        (void)snprintf(members->arch[i], sizeof members->arch[i], "%s", front->row[first + i].arch);
    members->count = count;
    return RT_OK;
}

rt_status report_members(struct store *store, bool suggested, struct report_members *members,
                         struct rt_err *err)
{
    struct report__rows front;
    rt_status rc;

    *members = (struct report_members){0};
    RT_TRY(report__freeze(store, err));
    rc = report__rows_load(store, REPORT__FRONT, &front, err);
    report__unfreeze(store);
    RT_TRY(rc);
    const int one = report__suggested(&front);
    if (front.count == 0 || (suggested && one < 0))
        rc = rt_fail(err, RT_EEND, "'%.200s' has no front yet", store_path(store));
    else
        rc = copy(&front, suggested ? one : 0, suggested ? 1 : front.count, members, err);
    report__rows_release(&front);
    return rc;
}

void report_members_release(struct report_members *members)
{
    free(members->arch);
    *members = (struct report_members){0};
}
