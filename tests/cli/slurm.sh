# Jobs for Slurm, with a sbatch that only writes down what it gets; the real one is in tests/faults/slurm.
. "$project/tests/cli/toy.bash"
toy_data
toy_study >toy.yaml
real_path=$PATH

# Printed, and nothing written; where there is no sbatch that is what there is.
expect_exit 0 "$retort" slurm toy.yaml --workers 3 --slots 2 --time 2:00:00 --partition p --sbatch=--account=x --print
expect_line stdout '#SBATCH --array=1-3'
for line in --time=2:00:00 --partition=p --account=x; do
  [ "$(grep -c -- "^#SBATCH $line\$" stdout)" = 2 ]
done
expect_line stdout "# once: retort keygen '$PWD/toy.slurm/key'"
[ ! -e toy.slurm ]
for role in coordinator workers; do
  awk -v want="# ==== $PWD/toy.slurm/$role.sh" '/^# ====/ { on = $0 == want; next } on' stdout >$role.sh
  sh -n $role.sh
done
# The memory of the workers grows by the trials that they have at once.
memory() { sed -n 's/^#SBATCH --mem=\([0-9]*\)M$/\1/p' workers.sh; }
two_slots=$(memory)
expect_exit 0 "$retort" slurm toy.yaml --workers 3 --slots 200 --print
awk '/^# ====/ { n++ } n == 2' stdout >workers.sh
[ "$(memory)" -gt "$two_slots" ] && [ "$two_slots" -gt 128 ]

mkdir none shims
PATH=$PWD/none expect_exit 1 "$retort" slurm toy.yaml --workers 3
expect_one_line stderr
expect_line stderr "there is no 'sbatch' here"
expect_line stderr '--print'
[ ! -e toy.slurm ]

cat >shims/sbatch <<'END'
#!/bin/sh
PATH=/usr/bin:/bin
echo "$*" >>SCRATCH/submitted
n=$(wc -l <SCRATCH/submitted)
[ "$n" != "$(cat SCRATCH/fails 2>/dev/null)" ] || { echo 'sbatch: error: invalid partition' >&2; exit 1; }
echo "$((40 + n));cluster"
END
sed -i "s|SCRATCH|$PWD|" shims/sbatch
chmod +x shims/sbatch
"$retort" keygen mine >stdout
PATH=$PWD/shims:$real_path
expect_exit 0 "$retort" slurm toy.yaml --workers 3 --key mine
expect_line stdout 'coordinator  job 41'
expect_line stdout 'workers      job 42, 3 of them'
expect_line submitted "--parsable $PWD/toy.slurm/coordinator.sh"
expect_line submitted "--parsable --dependency=after:41 $PWD/toy.slurm/workers.sh"
expect_line toy.slurm/workers.sh "key='$PWD/mine'"
[ ! -e toy.slurm/key ]

# Written again over what it wrote, and over nothing else; without a key one is made once.
echo tcp://gone:1 >toy.slurm/address
expect_exit 0 "$retort" slurm toy.yaml --workers 4
expect_line toy.slurm/workers.sh '--array=1-4'
[ ! -e toy.slurm/address ]
[ "$(stat -c %a toy.slurm/key)" = 600 ]
cp toy.slurm/key key
expect_exit 0 "$retort" slurm toy.yaml --workers 4
cmp key toy.slurm/key
cp submitted before
echo 'echo mine' >toy.slurm/workers.sh
expect_exit 1 "$retort" slurm toy.yaml --workers 4
expect_one_line stderr
expect_line stderr "workers.sh' is not of 'retort slurm'"
cmp submitted before
rm toy.slurm/workers.sh

# What Slurm says is said, and which job runs already.
wc -l <submitted | awk '{ print $1 + 1 }' >fails
expect_exit 1 "$retort" slurm toy.yaml --workers 4 --partition nowhere
expect_one_line stderr
expect_line stderr 'sbatch: error: invalid partition'
wc -l <submitted | awk '{ print $1 + 2 }' >fails
expect_exit 1 "$retort" slurm toy.yaml --workers 4
expect_line stderr "; the coordinator is job $(($(cat fails) + 39)): scancel"

expect_exit 2 "$retort" slurm toy.yaml
expect_line stderr '--workers N is missing'
expect_exit 2 "$retort" slurm toy.yaml --workers 0
expect_exit 2 "$retort" slurm
expect_exit 1 "$retort" slurm no.yaml --workers 2
expect_one_line stderr
expect_exit 1 "$retort" slurm toy.yaml --workers 2 --partition 'a b' --print
expect_one_line stderr
expect_exit 1 "$retort" slurm toy.yaml --workers 2 --sbatch account=x --print
expect_one_line stderr
PATH=$real_path

# What an evaluator of the user's needs is not known here, and nothing is asked for.
cp "$project"/examples/evaluator/tiny.* .
expect_exit 0 "$retort" slurm tiny.yaml --workers 2 --print
[ "$(grep -c -- --mem= stdout)" = 0 ] && [ "$(grep -c -- '--job-name=retort-tiny-' stdout)" = 2 ]

# The scripts themselves, without Slurm: workers follow a search that was lost and begins again elsewhere.
toy_study >toy.yaml
expect_exit 0 "$retort" search toy.yaml --db whole.db
rm -f fails
PATH=$PWD/shims:$real_path
expect_exit 0 "$retort" slurm toy.yaml --workers 1 --host 127.0.0.1
PATH=$real_path
sh toy.slurm/coordinator.sh >coordinator.out 2>&1 &
coordinator=$!
for ((i = 0; i < 600; i++)); do # without workers it stays
  ! grep -q '^listening at' coordinator.out || break
  sleep 0.1
done
kill -KILL "$(pgrep -P $coordinator -x retort)"
code=0
wait $coordinator || code=$?
[ "$code" = 137 ]
grep -qx 'tcp://127.0.0.1:[0-9]*' toy.slurm/address
sh toy.slurm/workers.sh >workers.out 2>&1 &
workers=$!
sed -i "s/^port=.*/port=$((30000 + RANDOM % 2000))/" toy.slurm/coordinator.sh
expect_exit 0 sh toy.slurm/coordinator.sh
wait $workers
"$project/tests/compare_rows" whole.db toy.db
[ "$(cat toy.slurm/address)" = ended ]
expect_exit 0 sh toy.slurm/workers.sh # comes too late
