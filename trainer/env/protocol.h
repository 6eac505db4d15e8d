/* trainer/env/protocol.h -- how a child that owns environments is talked to.
 *
 * Start    -> {"retort":"policy","version":1,"environments":8,"labels":true}
 *          <- {"version":1,"environments":8,"observation":11,"horizon":1000,"name":"Hopper-v5",
 *              "action":{"kind":"box","low":[-1,-1,-1],"high":[1,1,1]},"labels":"gaussian"}
 *          action of choices: {"kind":"discrete","n":6}; a limit of null is none. labels: none, gaussian
 *          or tanh (2n numbers), logits or q (of choices, n numbers). Optional: "pixels":[84,84,4].
 * Frames   then, little-endian, each a head {u32 op, u32 count} and items by ascending env:
 *   reset  {u32 env, u32 0, u64 seed}                    -> {f64 observation[o], f64 label[l]}
 *   step   {u32 env, u32 flags (1: labels wanted), f64 action[n]}
 *                       -> {f64 reward, u32 flags, u32 0, f64 observation[o], f64 label[l]}
 *          Behind each item of an answer comes its frame of pixels, u8, padded to 8 bytes.
 *   error  {u32 0xffffffff, u32 bytes} and UTF-8 text    <- in place of an answer
 */
#ifndef TRAINER_ENV_PROTOCOL_H
#define TRAINER_ENV_PROTOCOL_H
#include "trainer/env/env.h"

enum {
    TR_OP_RESET = 1,
    TR_OP_STEP = 2,
    TR_ENV_OBSERVATION_MOST = 65536,
    TR_ENV_ACTIONS_MOST = 256
};
#define TR_OP_ERROR 0xffffffffU

/* The answer to the start, of `environments` copies. *limits: low and high of a box, which info points
 * into, the caller's to free; NULL of choices. RT_EFORMAT. */
rt_status tr_hello_read(const char *line, int environments, struct tr_env_info *info,
                        double **limits, struct rt_err *err);

struct tr_frame_form { /* what a frame should be */
    unsigned op, count;
    const struct tr_env_info *info;
};
/* Bytes of a request, and writing it: rows of `which`; seed or action as in env.h. */
size_t tr_request_bytes(const struct tr_frame_form *form);
void tr_request_write(const struct tr_frame_form *form, const bool *which, const uint64_t *seed,
                      const double *action, bool labels, unsigned char *frame);
/* Of an answer, by its first bytes; what is nonsense already has no more. */
size_t tr_frame_size(const void *form, const char *said, size_t used);
/* Into the rows of the batch; RT_EFORMAT, or RT_EIO with the text of an error frame. */
rt_status tr_frame_read(const struct tr_frame_form *form, const char *said, size_t used,
                        struct tr_env_batch *batch, const bool *which, struct rt_err *err);
#endif
