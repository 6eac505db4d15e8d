/* trainer/export/contract.h -- what an exported policy expects of who runs it, as JSON beside the file.
 *
 * Names, order and ranges of what it observes and does, and how often it was asked: {"environment",
 * "control_rate_hz" (null: unknown), "steps_seen", "sees_last_action", "observation": [{"name",
 * "component" of the environment's, "mean", "sd", "least" and "most" seen in training, "cut_below",
 * "cut_above"}], "action": [{"name", "low", "high"}] or [{"name", "choices"}], "bins", "grid", "read",
 * "arch", "study"}.
 * Errors   RT_ENOMEM, RT_EIO. Nothing half-written.
 */
#ifndef TRAINER_EXPORT_CONTRACT_H
#define TRAINER_EXPORT_CONTRACT_H
#include "trainer/export/model.h"

/* Of a model with a controller. */
rt_status tr_contract_write(const char *path, const struct tr_model *model, struct rt_err *err);
#endif
