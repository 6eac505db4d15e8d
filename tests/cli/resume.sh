# A student's full run and a teacher's training that were stopped go on where they were, with the same
# bits; what a state was written for is told, and the state is gone with the run.
. "$project/tests/cli/toy.bash"
toy_data
toy_study | sed 's/trials: 12/trials: 3/' >toy.yaml
expect_exit 0 "$retort" search toy.yaml

# stopped FILE COMMAND...: stopped as soon as a state is left there
stopped() {
  local state=$1 delay job; shift
  for delay in 0.1 0.2 0.3 0.5 0.8 1.2 2 3 5 8 13 20; do
    rm -rf others
    "$@" >stopped.out 2>&1 &
    job=$!
    sleep "$delay"
    kill -TERM "$job" 2>/dev/null || true
    wait "$job" || true
    if compgen -G "$state" >/dev/null; then return; fi
  done
  echo "resume: no state in $state:"
  cat stopped.out
  exit 1
}

expect_exit 0 "$retort" distill toy.db 1 --steps 4000 -o whole.safetensors
[ ! -e toy.runs ]
stopped 'toy.runs/*.state' "$retort" distill toy.db 1 --steps 4000 -o parts.safetensors
expect_exit 0 "$retort" distill toy.db 1 --steps 4000 -o parts.safetensors
expect_line stdout 'gone on            at step '
cmp whole.safetensors parts.safetensors
[ ! -e toy.runs ]

sed 's/epochs: 2,/epochs: 2000,/; s/toy.db/again.db/; s/cache: teachers/cache: wholes/' toy.yaml >whole.yaml
sed 's/again.db/parts.db/; s/cache: wholes/cache: others/' whole.yaml >parts.yaml
expect_exit 0 "$retort" teach whole.yaml
stopped 'others/*.state' "$retort" teach parts.yaml
expect_exit 0 "$retort" teach parts.yaml
expect_not compgen -G 'others/*.state' >/dev/null
for file in others/*.safetensors; do cmp "$file" "wholes/${file#others/}"; done

# ---- killed behind a state, which a minute brings: a clock that is fast makes it short ----
faketime=$(find /usr/lib -name libfaketimeMT.so.1 -print -quit 2>/dev/null) || faketime=
if [ -z "$faketime" ] || ! LD_PRELOAD=$faketime "$retort" --version >fast 2>&1 || ! grep -q '^retort ' fast; then
  skip 'a kill behind a minute of training (no libfaketimeMT, package faketime, or a build that takes no preload)'
else
  # killed STATE COMMAND...: with a state left there
  killed() {
    local state=$1 job i; shift
    for _ in 1 2 3 4 5; do
      LD_PRELOAD=$faketime FAKETIME='+0 x1000' "$@" >killed.out 2>&1 &
      job=$!
      for ((i = 0; i < 6000; i++)); do
        ! compgen -G "$state" >/dev/null || break
        sleep 0.01
      done
      kill -KILL $job 2>/dev/null || true
      wait $job 2>/dev/null || true
      ! compgen -G "$state" >/dev/null || return 0
      rm -rf cut.db* parts.safetensors # it was over by then
    done
    echo "resume: no state in $state:"
    cat killed.out
    exit 1
  }
  sed 's/steps: 20/steps: 8000/; s/trials: 3/trials: 2/' toy.yaml >minutes.yaml # a trial outlasts 60 ms on any machine
  expect_exit 0 "$retort" search minutes.yaml --db whole.db
  for how in '' '--isolate --stall 0'; do # what a fast clock takes for hung is not
    # shellcheck disable=SC2086  # two words
    killed cut.runs/trial-0.state "$retort" search minutes.yaml --db cut.db $how
    # shellcheck disable=SC2086
    expect_exit 0 "$retort" search minutes.yaml --db cut.db $how
    [ "$(sqlite3 cut.db "select group_concat(trial) from event where kind = 'resumed' and text like 'went on at step %'")" = 0 ]
    "$project/tests/compare_rows" whole.db cut.db
    [ ! -e cut.runs ]
    rm cut.db
  done
  expect_exit 0 "$retort" distill toy.db 1 --steps 8000 -o whole.safetensors
  killed 'toy.runs/*.state' "$retort" distill toy.db 1 --steps 8000 -o parts.safetensors
  expect_exit 0 "$retort" distill toy.db 1 --steps 8000 -o parts.safetensors
  expect_line stdout 'gone on            at step '
  cmp whole.safetensors parts.safetensors
fi

# ---- of policies: a teacher by PPO, and a student whose rounds were gathered ----
cat >pole.yaml <<'YAML'
name: pole
task: policy
store: pole.db
environment: {name: cartpole, horizon: 100}
rollouts: {base: 4, rounds: 6, episodes: 4, replay: per}
evaluate: {episodes: 4, test_episodes: 4}
teachers:
  cache: wholes
  members:
    - {name: first, ppo: {steps: 400000, width: [16, 16], steps_each: 64, epochs: 2, seed: 1}}
space: {history: [2], depth: [1], width: [8], head_dim: [4], heads: [1], ffn: [8]}
distill: {steps: 20, batch: 16}
search: {trials: 1, objectives: [gap, params]}
latency: {warmup: 1, samples: 3}
YAML
sed 's/cache: wholes/cache: others/' pole.yaml >others.yaml
expect_exit 0 "$retort" teach pole.yaml
stopped 'others/first.state' "$retort" teach others.yaml
expect_exit 0 "$retort" teach others.yaml
[ ! -e others/first.state ]
cmp wholes/first.safetensors others/first.safetensors
expect_exit 0 "$retort" search pole.yaml
expect_exit 0 "$retort" distill pole.db 1 --steps 3000 -o whole.safetensors
stopped 'pole.runs/*.state' "$retort" distill pole.db 1 --steps 3000 -o parts.safetensors
expect_exit 0 "$retort" distill pole.db 1 --steps 3000 -o parts.safetensors
expect_line stdout 'gone on            at step '
cmp whole.safetensors parts.safetensors
[ ! -e pole.runs ]
