# What is wrong with a study is told in one line with its place, before anything is written.
. "$project/tests/cli/toy.bash"
toy_data

refused() { # SED-SCRIPT TEXT: search refuses the toy study after this edit, and says TEXT
  toy_study | sed "$1" >toy.yaml
  expect_exit 1 "$retort" search toy.yaml
  expect_one_line stderr
  expect_line stderr 'retort search: error: '
  expect_line stderr "$2"
  [ ! -s stdout ] && [ ! -e toy.db ] && [ ! -e teachers ]
}

refused 's/seed: 3/sede: 3/' "'toy.yaml':2:1: unknown key 'sede', did you mean 'seed'?"
refused 's/seed: 3/seed: three/' "'toy.yaml':2:7: seed: expects a whole number"
refused 's/seed: 3/seed: 1.5/' 'seed: '
refused 's/depth: .*/depth: []/' 'space.depth: the list is empty'
refused 's/depth: .*/depth: 2/' 'space.depth: '
refused 's/width: .*/width: [0]/' 'space.width'
refused 's/patch: .*/patch: [3]/' 'space.patch: 3 does not divide'
refused '/^distill:/i limits: {params: 100}' 'nothing in the space fits'
refused '/^distill:/i limits: {macs: 1, params: 100000}' 'nothing in the space fits'
refused 's/objectives: .*/objectives: [error, beauty]/' "unknown value 'beauty'"
refused 's/steps: 20/steps: 0/' 'distill.steps'
refused 's/arch: L1[^,]*/arch: L1-d16/' 'arch'
refused 's/arch: L1[^,]*/arch: L1-d16-k8-h2-f16-p5/' '5'
refused 's/name: toy/name: [toy/' 'this is not YAML'
refused '/^space:/,/patch/d' 'space'
refused 's/.*//' 'toy.yaml'

expect_exit 1 "$retort" search missing.yaml
expect_one_line stderr
expect_line stderr "'missing.yaml': No such file or directory"
mkdir folder
expect_exit 1 "$retort" search folder
expect_one_line stderr
for command in teach doctor; do
  toy_study | sed 's/seed: 3/sede: 3/' >toy.yaml
  expect_exit 1 "$retort" "$command" toy.yaml
  cat stdout stderr | grep -qF "unknown key 'sede'"
done

# options that override the study
toy_study >toy.yaml
expect_exit 2 "$retort" search toy.yaml --trials many
expect_exit 2 "$retort" search toy.yaml --workers 0
expect_exit 2 "$retort" search toy.yaml --hours -1
expect_one_line stderr
[ ! -e toy.db ]

# more workers, or threads of each, than there are cores
toy_study | sed 's/latency: {/&batch: 256, threads: 256, /' >threads.yaml
expect_exit 1 "$retort" search threads.yaml
expect_line stderr 'latency.threads is 256 and this process has'
expect_one_line stderr
expect_exit 1 "$retort" doctor threads.yaml
expect_line stdout 'FAIL  workers'
expect_exit 1 "$retort" search toy.yaml --workers 1024
expect_line stderr '1024 workers want 1024 cores and this process has'
