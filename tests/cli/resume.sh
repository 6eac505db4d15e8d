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
