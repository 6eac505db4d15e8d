# A command of the user's evaluates: every way to fail is a failed trial, and the rows are the same
# for any number of workers and after kill -9.
cp "$project"/examples/evaluator/tiny.* "$project"/examples/evaluator/replay.* .
PATH=/usr/bin:/bin:$PATH # shims of python3 take their time

rows() { # DB: all that depends on the study alone
  sqlite3 -readonly "$1" "select * from candidate; select * from gene; select * from trial;
    select * from metric; select * from curve; select * from front; select * from front_history"
}

# ---- reproducible ----
start=$(date +%s%N)
expect_exit 0 "$retort" search tiny.yaml --db one.db --workers 1
took=$((($(date +%s%N) - start) / 1000))
expect_exit 0 "$retort" search tiny.yaml --db three.db --workers 3
rows one.db >one
rows three.db >three
[ "$(wc -l <one)" -gt 300 ]
cmp one three
[ "$(sqlite3 one.db "select count(*) from metric where name = 'violation' and value > 0")" -gt 3 ]
[ "$(sqlite3 one.db "select count(*) from front f join metric m on m.trial = f.trial
  where m.name = 'work' and m.value > 150")" = 0 ]

# ---- reports ----
expect_exit 0 "$retort" status one.db
grep -qE '^best        loss [0-9.]+, work [0-9]+, candidate' stdout
expect_exit 0 "$retort" front one.db
grep -qE '^id +loss +work  architecture$' stdout
grep -qE '[0-9] of [0-9]+ architectures, [0-9]+ trials failed; \* suggested' stdout
expect_exit 0 "$retort" front one.db --format csv
expect_line stdout 'candidate,trial,arch,loss,work'
grep -qE '^[0-9]+,[0-9]+,"activation=[^"]*",[0-9.]+,[0-9]+$' stdout
expect_exit 0 "$retort" best one.db
grep -qE '^choices     activation=' stdout
expect_line stdout 'the lowest loss of the'
expect_exit 0 "$retort" best one.db --knee --format json
expect_line stdout '"loss":'
expect_exit 0 "$retort" best one.db --max work=60
grep -q '^why  ' stdout
[ "$(sed -n 's/^work *//p' stdout)" -le 60 ]
expect_exit 1 "$retort" best one.db --max work=0.5
expect_line stderr 'architectures on the front fits: --max work=0.5 excludes'
expect_exit 1 "$retort" best one.db --max time=2
expect_line stderr "'time' is no objective of this study; give one of loss and work"
expect_exit 2 "$retort" best one.db --max work
expect_line stderr "--max 'work' is no NAME=VALUE"
expect_exit 0 "$retort" report one.db -o one.html
expect_line one.html "architectures were tried, "
expect_line one.html "minimising loss and work"
expect_line one.html 'answered' # by the study's own command
expect_line one.html '"name":"work"'
[ "$(grep -c 'id="teachers"' one.html)" = 0 ]
expect_exit 0 "$retort" report one.db --figures figures
[ -s figures/front-work-loss.svg ]
[ "$(wc -l <figures/front.csv)" = "$(sqlite3 one.db 'select 1 + count(*) from front')" ]
[ "$(head -1 figures/trials.csv)" = candidate,trial,arch,loss,work ]
expect_exit 0 "$retort" importance one.db
expect_line stdout units
expect_exit 0 "$retort" compare one.db three.db --format json # what breaks constraints is of no front
[ "$(grep -c "\"front\": $(sqlite3 one.db 'select count(*) from front')," stdout)" = 2 ]
expect_exit 0 "$retort" replay one.db 3
grep -qE '^made by +retort [^,]*, build [0-9a-f]{32}, glibc' stdout # neither kernels nor BLAS had a part in it
expect_exit 0 "$retort" doctor tiny.yaml
expect_line stdout "'python3' can be started, 2 at once"
expect_exit 0 "$retort" doctor tiny.yaml --try # which says itself that this one diverges
grep -qE '^warn +trial +activation=relu,rate=0.3,.*\(diverged\): diverged' stdout
sed 's/0.3, 1\]/0.12, 0.3]/' tiny.yaml >tame.yaml
expect_exit 0 "$retort" doctor tame.yaml --try
grep -qE '^ok +trial +activation=relu,.*: loss [0-9.e-]+, work [0-9]+.*; [0-9.]+ s$' stdout
sed 's/\[loss, work\]/[loss, cost]/' tame.yaml >lacks.yaml
expect_exit 1 "$retort" doctor lacks.yaml --try
expect_line stdout "(nonfinite): the objective 'cost' is missing"
sed 's/tiny.py/gone.py/' tiny.yaml >gone.yaml
expect_exit 1 "$retort" doctor gone.yaml
grep -qE "^FAIL +evaluator +'python3' ends before it is asked anything; its last words: .*can't open file" stdout
expect_exit 1 "$retort" doctor gone.yaml --try
grep -qE '^FAIL +trial .*\(crash\): the command ended with exit code 2' stdout
expect_exit 2 "$retort" doctor --try
expect_line stderr '--try needs a STUDY'

# ---- repeats: as if the file said so ----
expect_exit 1 "$retort" search tiny.yaml --seed 7
expect_line stderr '--seed begins another study; give its database by --db'
sed 's/^seed: 1/seed: 7/' tiny.yaml >seven.yaml
expect_exit 0 "$retort" search tiny.yaml --seed 7 --db repeat.db --trials 20
expect_exit 0 "$retort" search seven.yaml --trials 20 --db seven.db
rows repeat.db >repeat
rows seven.db >seven
cmp repeat seven
[ "$(sqlite3 repeat.db "select count(*) from study where yaml like '%seed: 7%'")" = 1 ]
sed '/^seed/d' tiny.yaml >unsaid.yaml
expect_exit 0 "$retort" search unsaid.yaml --seed 7 --db unsaid.db --trials 20
rows unsaid.db >unsaid
cmp unsaid seven
expect_exit 1 "$retort" search tiny.yaml --db repeat.db # of another seed

for ((kill = 0; kill < 5; kill++)); do
  "$retort" search tiny.yaml --db killed.db --workers 2 2>/dev/null &
  sleep "$(printf '0.%06d' $((took / 20 + RANDOM * took / 10 / 32768)))"
  kill -9 $! || true
  wait $! || true
done 2>/dev/null
expect_exit 0 "$retort" search tiny.yaml --db killed.db --workers 2
rows killed.db >killed
cmp one killed

# ---- failures ----
cat >bad.py <<'PY'
import json, os, sys, time
for line in sys.stdin:
    job = json.loads(line)
    trial, attempt = job["trial"], job["attempt"]
    answer = {"trial": trial, "metrics": {"loss": trial + 1.0}, "stderr": {"loss": 0.5},
              "curve": {"loss": [[1, 2.5], [2, float("nan")]]}}
    print("trial", trial, file=sys.stderr)
    if trial == 1:
        sys.exit(3)
    if trial == 2:
        os.kill(os.getpid(), 9)
    if trial == 3 and os.path.exists("slow"):
        time.sleep(100)
    if trial == 4:
        print("hello"); sys.stdout.flush(); continue
    if trial == 5:
        print("x" * 3000000); sys.stdout.flush(); continue
    if trial == 6:
        answer["metrics"]["loss"] = float("nan")
    if trial == 7:
        answer = {"trial": trial, "error": "out of memory", "kind": "oom"}
    if trial == 8 and attempt < 3:
        sys.exit(1)
    if trial == 9:
        answer["trial"] = 8
    if trial == 10:
        del answer["metrics"]["loss"]
    print(json.dumps(answer), flush=True)
PY
cat >bad.yaml <<'YAML'
evaluator: {command: [python3, bad.py], workers: 1, timeout: 20, retries: 2}
space: {genes: [{name: x, choices: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]}]}
search: {trials: 12, objectives: [loss]}
YAML
expect_exit 0 "$retort" search bad.yaml
sqlite3 bad.db "select number, state, attempt, error_kind, replace(error, char(10), ' ') from trial" >trials
cat >want <<'TXT'
0|committed|0||
1|failed|3|crash|the command ended with exit code 3 before it answered; its last words: trial 1
2|failed|3|crash|the command was ended by signal 9, as the system does when memory is short; its last words: trial 2
3|committed|0||
4|failed|3|garbage|the answer is no JSON ('[' or '{' expected near 'hello'): hello; its last words: trial 4
5|failed|3|oversized|the answer is longer than 1048576 bytes; its last words: trial 5
6|failed|3|nonfinite|the objective 'loss' is missing or not a finite number; its last words: trial 6
7|failed|3|oom|out of memory; its last words: trial 7
8|committed|2||
9|failed|3|garbage|the answer does not say "trial": 9; its last words: trial 9
10|failed|3|nonfinite|the objective 'loss' is missing or not a finite number; its last words: trial 10
11|committed|0||
TXT
diff want trials
[ "$(sqlite3 bad.db "select count(*) from event where kind = 'attempt'")" = 26 ]
[ "$(sqlite3 bad.db "select count(*) from curve where trial = 0")" = 2 ]
[ "$(sqlite3 bad.db "select stderr from metric where trial = 0 and name = 'loss'")" = 0.5 ]

# a child that ends between two jobs, in the middle of one, or after each answer fails none of them
cat >leaves.py <<'PY'
import json, os, sys, time
answered = 0
for line in sys.stdin:
    job = json.loads(line)
    x = job["architecture"]["x"]
    if x % 3 == 0 and answered:
        os.kill(os.getpid(), 9)
    print(json.dumps({"trial": job["trial"], "metrics": {"loss": (x - 5) ** 2}}), flush=True)
    answered += 1
    if x % 3 == 1:
        sys.exit(x)
    time.sleep(0.02)
PY
sed 's/bad.py/leaves.py/; s/retries: 2/retries: 0/' bad.yaml >leaves.yaml
expect_exit 0 "$retort" search leaves.yaml --db one.leaves.db
expect_exit 0 "$retort" search leaves.yaml --db two.leaves.db --workers 2
rows one.leaves.db >one
rows two.leaves.db >two
cmp one two
[ "$(sqlite3 one.leaves.db "select count(*) from trial where state = 'committed'")" = 12 ]
[ "$(sqlite3 one.leaves.db "select count(*) from event where kind = 'attempt'")" = 0 ]

# true and false are JSON's, as they are YAML's
cat >switch.py <<'PY'
import json, sys
for line in sys.stdin:
    job = json.loads(line)
    on, mode = job["architecture"]["on"], job["architecture"]["mode"]
    assert on is True or on is False
    assert mode in ("true-ish", "off")
    print(json.dumps({"trial": job["trial"], "metrics": {"loss": 2 * on + (mode == "off")}}), flush=True)
PY
sed 's/bad.py/switch.py/; s/{name.*}\]/{name: on, choices: [true, false]}, {name: mode, choices: [true-ish, "off"]}]/' \
  bad.yaml >switch.yaml
expect_exit 0 "$retort" search switch.yaml
[ "$(sqlite3 switch.db "select count(*) from trial where state = 'committed'")" = 4 ]
# but a study that began when they were texts goes on with texts
sed 's/trials: [0-9]*/trials: 2/' switch.yaml >begun.yaml
expect_exit 0 "$retort" search begun.yaml
sqlite3 begun.db "update study set settings = json_remove(settings, '$.booleans')"
sed -i 's/on is True or on is False/on in ("true", "false")/; s/2 \* on/(on == "true")/' switch.py
sed -i 's/trials: 2/trials: 4/' begun.yaml
expect_exit 0 "$retort" search begun.yaml
[ "$(sqlite3 begun.db "select count(*) from trial where state = 'committed'")" = 4 ]

# metrics may have the names of costs and yet be 0 or less; figures and knee are of their own scale
cat >zero.py <<'PY'
import json, sys
for line in sys.stdin:
    job = json.loads(line)
    x = job["architecture"]["x"]
    metrics = {"memory": x - 1, "latency": -x, "error": 50.0 + x % 3}
    print(json.dumps({"trial": job["trial"], "metrics": metrics}), flush=True)
PY
sed 's/bad.py/zero.py/; s/objectives: .*/objectives: [error, memory, latency]}/' bad.yaml >zero.yaml
expect_exit 0 "$retort" search zero.yaml
expect_exit 0 "$retort" report zero.db --figures zeros
[ -s zeros/front-memory-error.svg ]
[ "$(grep -c '^set logscale' zeros/*.gp | grep -vc ':0$')" = 0 ]
expect_exit 0 "$retort" best zero.db --knee
[ "$(grep -c logarithm stdout)" = 0 ]
expect_exit 0 "$retort" report zero.db -o zero.html
[ "$(grep -c '<circle class="front' zero.html)" -ge "$(sqlite3 zero.db 'select 3 * count(*) from front')" ]
[ "$(grep -c "teachers' ensemble" zero.html)" = 0 ]

# what children write may be no text, a bound may be missed by any share, every metric has its
# place beside the objectives, and an error that is null is none
cat >odd.py <<'PY'
import json, os, sys
for line in sys.stdin:
    job = json.loads(line)
    trial, x = job["trial"], job["architecture"]["x"]
    answer = {"trial": trial, "metrics": {"loss": (x - 4) ** 2, "gain": x, "waste": 0}, "error": None}
    if trial == 1:
        sys.stderr.buffer.write(b"caf\xe9 \xff\x1b[2J\0!\n"); sys.stderr.flush(); os._exit(3)
    if trial == 2:
        answer = {"trial": trial, "error": "\u00e9" * 400}
    if trial == 3:
        answer["metrics"].update({f"m{i}": i for i in range(45)})
    if trial == 4:
        answer["metrics"]["waste"] = 1e300
    if trial == 5:
        answer["metrics"].update({f"m{i}": i for i in range(46)})
    print(json.dumps(answer, ensure_ascii=False), flush=True)
PY
sed 's/bad.py/odd.py/; s/retries: 2/retries: 0/
  s/objectives: .*/objectives: [loss, -gain, -waste], constraints: ["waste <= 1e-300"]}/' bad.yaml >odd.yaml
expect_exit 0 "$retort" search odd.yaml
sqlite3 odd.db "select number, error_kind, substr(error, 1, 60) from trial where state = 'failed'" >trials
cat >want <<'TXT'
1|crash|the command ended with exit code 3 before it answered; its l
2|error|éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé
5|garbage|there are more than 48 metrics
TXT
diff want trials
sqlite3 odd.db "select error from trial; select text from event" >texts
iconv -f utf8 -t utf8 texts >/dev/null
[ "$(grep -c '[[:cntrl:]]\[2J' texts)" = 0 ]
[ "$(sqlite3 odd.db "select count(*), count(value) from objective_values where trial = 3")" = '3|3' ]
[ "$(sqlite3 odd.db "select count(*) from metric where name = 'violation' and value > 1e80")" = 1 ]

# a gene each for more scales than a surrogate has
cat >many.py <<'PY'
import json, sys
for line in sys.stdin:
    job = json.loads(line)
    print(json.dumps({"trial": job["trial"], "metrics": {"loss": sum(job["architecture"].values())}}), flush=True)
PY
printf '{name: g%d, choices: [0, 1, 2]}, ' {1..128} >genes
sed "s/bad.py/many.py/; s/\[{name.*}\]/[$(cat genes)]/; s/trials: 12/surrogate: gp, initial: 8, trials: 40/" bad.yaml >many.yaml
expect_exit 0 "$retort" search many.yaml
[ "$(sqlite3 many.db "select count(*) > 5 from prediction")" = 1 ]

# ---- a broken evaluator costs no trial, and single failures can be tried again ----
cat >breaks.py <<'PY'
import json, os, sys
for line in sys.stdin:
    job = json.loads(line)
    if job["trial"] >= 20 and os.path.exists("broken"):
        sys.exit("no GPU")
    if job["trial"] in (3, 7) and os.path.exists("broken"):
        print(json.dumps({"trial": job["trial"], "error": "unlucky", "kind": "luck"}), flush=True)
        continue
    metrics = {"loss": sum((x - 2) ** 2 for x in job["architecture"].values())}
    print(json.dumps({"trial": job["trial"], "metrics": metrics}), flush=True)
    sys.exit()
PY
sed "s/bad.py/breaks.py/; s/retries: 2/retries: 0/; s/trials: 12/trials: 40/
  s/\[{name.*}\]/[{name: x, choices: [1, 2, 3, 4, 5, 6]}, {name: y, choices: [1, 2, 3, 4, 5, 6, 7]}]/" \
  bad.yaml >breaks.yaml
touch broken
expect_exit 1 "$retort" search breaks.yaml
expect_line stderr 'the evaluator failed 10 times in a row, the last in trial 29, crash: the command ended with exit code 1'
expect_line stderr 'no GPU; mend it and run the same command again'
[ "$(sqlite3 breaks.db "select max(number), state from trial where state in ('committed', 'failed')")" = '19|committed' ]
[ "$(sqlite3 breaks.db "select count(*) from trial where number >= 20 and error is not null")" = 0 ]
expect_exit 0 "$retort" status breaks.db
rm broken
expect_exit 1 "$retort" search breaks.yaml --retry-failed=lucky
expect_line stderr "failed by 'lucky'"
expect_exit 0 "$retort" search breaks.yaml --retry-failed=luck
expect_line stderr '2 failed trials are tried again'
[ "$(sqlite3 breaks.db "select count(*) from trial where state = 'committed'")" = 40 ]
expect_exit 0 "$retort" check breaks.db

# late: killed with all that it started
cat >late.sh <<'SH'
sleep 600 &
echo $! >>grandchildren
read -r job
echo "is late" >&2
wait
SH
sed 's/python3, bad.py/sh, late.sh/; s/timeout: 20, retries: 2/timeout: 0.3, retries: 0/; s/trials: 12/trials: 2/' bad.yaml >late.yaml
expect_exit 1 "$retort" search late.yaml
expect_line stderr 'all 2 trials failed, the last is trial 1 (timeout): no answer within 0.3 s'
[ "$(sqlite3 late.db "select distinct error_kind, error from trial")" = 'timeout|no answer within 0.3 s; its last words: is late' ]

# ---- a command that is none; what is no use of an evaluator ----
sed 's/python3/nothing-here/' bad.yaml >none.yaml
expect_exit 1 "$retort" search none.yaml
expect_line stderr "cannot start 'nothing-here'"
[ ! -e none.db ]
expect_exit 1 "$retort" teach bad.yaml
expect_line stderr 'has an evaluator of its own'
expect_exit 1 "$retort" search bad.yaml --pin
expect_line stderr '--pin is for students that are trained here'
expect_exit 1 "$retort" search bad.yaml --stall 9
expect_line stderr '--stall is for students that are trained here'

# ---- SIGINT ends it cleanly, in the middle of a trial ----
sed 's/workers: 1/workers: 2/' bad.yaml >slow.yaml
touch slow
"$retort" search slow.yaml >stdout 2>stderr &
running=$!
for ((i = 0; i < 200; i++)); do
  [ "$(sqlite3 -readonly slow.db "select count(*) from trial where number = 3 and state = 'running'" 2>/dev/null)" = 1 ] && break
  sleep 0.05
done
kill -INT $running
code=0
wait $running || code=$?
[ $code = 130 ]
expect_line stdout 'stopped; run the same command again to go on'
[ "$(sqlite3 slow.db "select count(*) from trial where state = 'running'")" = 0 ]

# ---- recorded results ----
expect_exit 0 "$retort" search replay.yaml
expect_line stdout 'the whole space has been tried'
[ "$(sqlite3 replay.db "select count(*) from trial where state = 'committed'")" = 127 ]
[ "$(sqlite3 replay.db "select count(*) from trial where error_kind = 'unrecorded'")" = 17 ]
[ -s grandchildren ] # of late.sh, long ago
while read -r child; do
  case $(ps -o stat= -p "$child") in '' | Z*) ;; *) echo "$child lives"; exit 1 ;; esac
done <grandchildren
