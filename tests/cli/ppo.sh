# Teachers of policies that are trained here by PPO: two seeds are an ensemble, weights of another recipe
# or another environment are refused and trained anew when asked for.
cat >study.yaml <<'YAML'
name: pole
task: policy
store: pole.db
environment: {name: cartpole, horizon: 40}
rollouts: {base: 4, rounds: 2, episodes: 2}
evaluate: {episodes: 4, test_episodes: 4}
teachers:
  cache: teachers
  members:
    - {name: first, ppo: {steps: 1024, width: [16, 16], steps_each: 64, epochs: 2, seed: 1}}
    - {name: second, ppo: {steps: 1000, width: [24], steps_each: 64, activation: relu, seed: 2}}
space: {history: [2], depth: [1], width: [8], head_dim: [4], heads: [1], ffn: [8]}
distill: {steps: 20, batch: 16}
search: {trials: 1, objectives: [kl, params]}
latency: {warmup: 1, samples: 3}
YAML

expect_exit 0 "$retort" doctor study.yaml
expect_line stdout "warn  teachers     teacher 'first' is not trained yet"
expect_exit 0 "$retort" teach study.yaml
expect_line stdout 'first'
expect_line stdout 'second'
if grep -E ', [0-9]{4,} s left' stderr; then exit 1; fi # its time has begun with it
cp teachers/first.safetensors before
grep -qa '"activation":"relu"' teachers/second.safetensors
expect_exit 0 "$retort" search study.yaml
[ "$(sqlite3 pole.db "select count(*) from teacher where kind = 'ppo' and params > 100")" = 2 ]
expect_exit 0 "$retort" doctor study.yaml

# ---- the same recipe is the same policy, another is refused ----
rm teachers/first.safetensors
expect_exit 0 "$retort" teach study.yaml
cmp before teachers/first.safetensors
sed 's/steps: 1024, width: \[16/steps: 2048, width: [16/' study.yaml >longer.yaml
expect_exit 1 "$retort" teach longer.yaml
expect_one_line stderr
expect_line stderr 'retort teach --retrain first'
expect_exit 0 "$retort" teach longer.yaml --retrain first
if cmp -s before teachers/first.safetensors; then exit 1; fi

# ---- what no policy can be trained by ----
sed 's/steps_each: 64, epochs/steps_each: 4, epochs/' study.yaml >few.yaml
expect_exit 1 "$retort" doctor few.yaml
expect_line stdout 'more than the 32 steps of an update' || expect_line stderr 'more than the 32 steps of an update'
sed 's/seed: 2/seed: 1/; s/steps: 1000/steps: 1024/; s/width: \[24\]/width: [16, 16]/; s/, activation: relu//' study.yaml >same.yaml
expect_exit 1 "$retort" teach same.yaml
expect_line stderr 'would be the same policy'

# ---- where they are no better than chance there is no gap to close ----
sed 's/horizon: 40/horizon: 5/; s/cache: teachers/cache: level/; s/store: pole/store: level/; s/objectives: \[kl/objectives: [gap/' study.yaml >level.yaml
expect_exit 1 "$retort" search level.yaml
expect_line stderr "objective 'gap' cannot be measured: it is no number even of the teachers themselves"
[ "$(sqlite3 level.db 'select count(*) from trial')" = 0 ]
expect_exit 0 "$retort" doctor level.yaml
expect_line stdout "'first' returns 5 and plays like random actions, which return 5"
sed -i 's/objectives: \[gap/objectives: [kl/' level.yaml
expect_exit 0 "$retort" search level.yaml
