# Weights that are there are never replaced unasked; lanes reach more cores than eight, and are noted.
. "$project/tests/cli/toy.bash"
toy_data
toy_study >toy.yaml

expect_exit 0 "$retort" teach toy.yaml
head -c 400 teachers/one.safetensors | grep -q '"lanes":"8"'
cp teachers/one.safetensors kept

# Another recipe: refused with the way out, and the file stays.
sed -i 's/epochs: 2/epochs: 3/; s/cache: teachers/&\n  lanes: 16/' toy.yaml
expect_exit 1 "$retort" teach toy.yaml
expect_one_line stderr
expect_line stderr "'retort teach --retrain one' trains it anew"
cmp teachers/one.safetensors kept
expect_exit 2 "$retort" teach toy.yaml --retrain three
expect_line stderr "--retrain 'three': the study has no teacher of that name"
expect_exit 0 "$retort" teach toy.yaml --retrain one
head -c 400 teachers/one.safetensors | grep -q '"lanes":"16"'

# Damage, too.
printf 'not weights' >teachers/one.safetensors
expect_exit 1 "$retort" teach toy.yaml
expect_line stderr "'retort teach --retrain one'"
expect_exit 0 "$retort" teach toy.yaml --retrain one
