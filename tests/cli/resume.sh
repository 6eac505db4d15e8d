# A student's full run and a teacher's training that were stopped go on where they were, with the same
# bits; what a state was written for is told, and the state is gone with the run.
. "$project/tests/cli/toy.bash"
toy_data
toy_study | sed 's/trials: 12/trials: 3/' >toy.yaml
expect_exit 0 "$retort" search toy.yaml

# stopped FILE COMMAND...: stopped as soon as a state is left there
stopped() {
  local state=$1 delay job; shift
  for delay in 0.2 0.3 0.5 0.8 1.2 2 3 5 8 13 20; do
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
! compgen -G 'others/*.state' >/dev/null
for file in others/*.safetensors; do cmp "$file" "wholes/${file#others/}"; done
