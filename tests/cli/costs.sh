# Exact costs of own genes: limits are kept before anything is trained, and nobody is asked for them.
PATH=/usr/bin:/bin:$PATH # shims of python3 take their time
cat >costs.py <<'PY'
import json, sys
for line in sys.stdin:
    job = json.loads(line)
    a = job["architecture"]
    assert job["metrics"] == ["loss", "heat"], job["metrics"]
    work, before = 10 if a["norm"] == "layer" else 0, 4
    for units in a["units"]:
        work, before = work + units * (before + 1), units
    assert work <= 150, work
    loss = 100 / (1 + sum(a["units"])) + (a["norm"] == "none")
    print(json.dumps({"trial": job["trial"], "metrics": {"loss": loss, "heat": len(a["units"])}}), flush=True)
PY
cat >costs.yaml <<'YAML'
evaluator: {command: [python3, costs.py], workers: 1, timeout: 60}
space:
  genes:
    - {name: norm, choices: [none, layer]}
    - {name: layers, choices: [1, 2, 3, 4]}
    - {name: units, choices: [1, 2, 4, 8, 16], length: layers}
  costs:
    - work = sum(units * (prev(units, 4) + 1)) + 10 * is(norm, layer)
    - even = layers - 2 * floor(layers / 2)
search: {trials: 60, initial: 12, objectives: [loss, work], constraints: ["work <= 150", "heat <= 3", "even >= 0"]}
YAML
expect_exit 0 "$retort" search costs.yaml
expect_exit 0 "$retort" search costs.yaml --db two.db --workers 2
for db in costs two; do
  sqlite3 $db.db "select * from candidate; select * from trial; select * from metric; select * from front" >$db.rows
done
cmp costs.rows two.rows
[ "$(sqlite3 costs.db "select count(*), sum(state = 'failed') from trial")" = '60|0' ]
[ "$(sqlite3 costs.db "select max(value) <= 150, min(value) < 30 from metric where name = 'work'")" = '1|1' ]
[ "$(sqlite3 costs.db "select count(*) from metric where name = 'violation' and value > 0")" -gt 0 ] # heat is measured
[ "$(sqlite3 costs.db "select group_concat(distinct name) from prediction")" = loss ] # work is known
expect_exit 0 "$retort" front costs.db
expect_exit 0 "$retort" check costs.db
# limits decide which study it is
sed 's/work <= 150/work <= 140/' costs.yaml >other.yaml
expect_exit 1 "$retort" search other.yaml --db costs.db

refused() { # SED TEXT: with that change the study is refused so
  sed "$1" costs.yaml >refused.yaml
  expect_exit 1 "$retort" search refused.yaml
  expect_one_line stderr
  expect_line stderr "$2"
}
refused 's/work <= 150/work <= 4/' 'no architecture was found that keeps them (of the smallest, its work is 5, and at most 4 is allowed); widen them'
refused 's/"work <= 150", //; s/, "even >= 0"//; s/= layers.*/= sqrt(-layers)/' \
  'space.costs: no architecture was found whose costs are numbers (of the smallest, its even is no finite number); change the formula'
refused 's/floor(layers/flor(layers/' "space.costs[1]: 'flor' is no function"
refused 's/even = layers/even = units/' "'units' is a list; use it within sum()"
refused 's/even = layers/even layers/' "is no cost; write it like"
refused 's/even = layers/work = layers/' "'work' is given twice"
refused 's/is(norm, layer)/norm/' "'norm' has choices that are no numbers; use is(norm, none)"
refused '/- {name/d; s/genes:/depth: [1]/' 'costs are of genes'
