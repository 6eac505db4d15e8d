"""Does Optuna read what `retort export DB --optuna OUT` wrote, and is its front the study's?

    optuna_front.py OUT.db STUDY.db
"""
import sqlite3
import sys

import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)
out, db = sys.argv[1:]
study = optuna.load_study(study_name=None, storage=f"sqlite:///{out}")
rows = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
front = [n for (n,) in rows.execute("select trial from front order by trial")]
count = rows.execute("select count(*) from trial").fetchone()[0]
best = sorted(trial.number for trial in study.best_trials)
assert len(study.trials) == count, (len(study.trials), count)
assert best == front, (best, front)
complete = [t for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE]
assert all(t.params and t.values and t.user_attrs["arch"] for t in complete)
if len(complete) > 3:
    optuna.importance.get_param_importances(study, target=lambda t: t.values[0])
print(f"optuna {optuna.__version__}: {count} trials, {len(front)} on the front, {study.metric_names}")
