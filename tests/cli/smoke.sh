# Every stage of a study on a sliver of it, thrown away after.
. "$project/tests/cli/toy.bash"
toy_data
toy_study | sed 's/steps: 20/steps: 2000/; s/epochs: 2,/epochs: 2000,/' >toy.yaml
mkdir scratch

expect_exit 0 env TMPDIR="$PWD/scratch" "$retort" search toy.yaml --smoke
[ "$(awk '{ print $1, $2 }' stdout | tr '\n' ' ')" = 'ok teachers ok trials ok front ok distill ok report ok export ' ] || { cat stdout; exit 1; }
[ -z "$(ls scratch)" ] && [ ! -e toy.db ] && [ ! -e teachers ]

# rungs reach their last, constraints that nobody keeps hold nothing up
{ toy_study; printf '%s\n' 'full:' '  epochs: 500'; } |
  sed 's/steps: 20/steps: 400/; s/window: 4/window: 4\n  rungs: [100, 400]\n  constraints: ["error <= 0.0001"]/' >rungs.yaml
expect_exit 0 "$retort" search rungs.yaml --smoke
expect_line stdout 'ok    export'

# the stage that fails is named, and so is why
mv test-images kept
expect_exit 1 "$retort" search toy.yaml --smoke
expect_line stdout 'FAIL  distill'
expect_line stdout 'test-images'
mv kept test-images
cat >own.yaml <<'END'
name: own
store: own.db
evaluator:
  command: ['false']
space:
  genes:
    - name: x
      choices: [1, 2, 3]
search:
  trials: 3
  objectives: [y]
END
expect_exit 1 "$retort" search own.yaml --smoke
expect_line stdout 'FAIL  trials'
expect_exit 1 "$retort" search no.yaml --smoke
expect_one_line stderr
expect_exit 2 "$retort" search toy.yaml --smoke --trials 3
expect_line stderr '--smoke goes with no other option'
