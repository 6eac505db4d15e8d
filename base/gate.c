/* base/gate.c -- see gate.h. */
#include "base/gate.h"

#include <assert.h>
#include <stddef.h>

#include "base/clock.h"

static _Thread_local struct rt_gate *entered; /* by this thread */

/* The lock is held; the thread is inside. */
static void stand(struct rt_gate *gate)
{
    const int64_t began = rt_now_ns();

    gate->standing++;
    pthread_cond_broadcast(&gate->changed);
    while (atomic_load(&gate->closed))
        pthread_cond_wait(&gate->changed, &gate->lock);
    gate->standing--;
    gate->standing_ns += rt_now_ns() - began;
}

void rt_gate_enter(struct rt_gate *gate)
{
    assert(!entered);
    pthread_mutex_lock(&gate->lock);
    gate->inside++;
    if (atomic_load(&gate->closed))
        stand(gate);
    pthread_mutex_unlock(&gate->lock);
    entered = gate;
}

void rt_gate_leave(struct rt_gate *gate)
{
    assert(entered == gate);
    pthread_mutex_lock(&gate->lock);
    assert(gate->inside > 0);
    gate->inside--;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
    entered = NULL;
}

void rt_gate_pass(void)
{
    struct rt_gate *gate = entered;

    if (!gate || !rt_gate_is_closed(gate))
        return;
    pthread_mutex_lock(&gate->lock);
    if (atomic_load(&gate->closed))
        stand(gate);
    pthread_mutex_unlock(&gate->lock);
}

void rt_gate_close(struct rt_gate *gate)
{
    const int self = entered == gate;

    pthread_mutex_lock(&gate->lock);
    while (atomic_load(&gate->closed)) {
        if (self)
            stand(gate);
        else
            pthread_cond_wait(&gate->changed, &gate->lock);
    }
    atomic_store(&gate->closed, true);
    while (gate->standing < gate->inside - self)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

void rt_gate_open(struct rt_gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    assert(atomic_load(&gate->closed));
    atomic_store(&gate->closed, false);
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

double rt_gate_standing(struct rt_gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    const double seconds = (double)gate->standing_ns * 1e-9;
    pthread_mutex_unlock(&gate->lock);
    return seconds;
}

bool rt_gate_is_closed(struct rt_gate *gate)
{
    return atomic_load_explicit(&gate->closed, memory_order_relaxed);
}

bool rt_gate_is_empty(struct rt_gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    const bool empty = gate->inside == 0;
    pthread_mutex_unlock(&gate->lock);
    return empty;
}
