/* base/gate.h -- a gate at which the threads of this process stand still while one of them measures.
 *
 * A thread enters before it works, passes again and again while it works (between micro-batches),
 * and leaves when it has worked. Whoever measures closes the gate, which waits until all others that
 * have entered stand at it, and opens it again. One closes at a time; others that want to stand until
 * it is their turn. Passing an open gate is one look at a flag, and a thread that never entered
 * passes nothing, so work need not know whether there is a gate. No result depends on it.
 * Threads  all functions, from any. A thread is in one gate at a time.
 */
#ifndef BASE_GATE_H
#define BASE_GATE_H
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct rt_gate {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    atomic_bool closed;
    int inside, standing; /* threads that entered; of them, those that wait */
    int64_t standing_ns;  /* that threads stood, all together */
};

#define RT_GATE_INITIALIZER {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER}

void rt_gate_enter(struct rt_gate *gate);
void rt_gate_leave(struct rt_gate *gate);
/* Stands while the gate that this thread is in is closed. */
void rt_gate_pass(void);
/* By a thread inside or outside. */
void rt_gate_close(struct rt_gate *gate);
void rt_gate_open(struct rt_gate *gate);
/* By a look at a flag: passing would stand. */
bool rt_gate_is_closed(struct rt_gate *gate);
/* Has no thread entered? Closing then costs nobody. */
bool rt_gate_is_empty(struct rt_gate *gate);
/* Seconds that threads stood so far, all together. */
double rt_gate_standing(struct rt_gate *gate);
#endif
