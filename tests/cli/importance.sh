# Which genes matter in a toy study; too few trials are an error that says how many are needed.
. "$project/tests/cli/toy.bash"
toy_data
toy_study >toy.yaml
expect_exit 0 "$retort" search toy.yaml --trials 9
expect_exit 1 "$retort" importance toy.db
expect_one_line stderr
expect_line stderr "'toy.db' has 9 trials with results: importance needs 10, better 50"

expect_exit 0 "$retort" search toy.yaml --trials 30
expect_exit 0 "$retort" importance toy.db
expect_line stdout 'what sets the best 3 of 30 trials apart'
expect_line stdout 'only 3 trials are in the best tenth: 5 say more, that is 50 trials'
[ "$(awk 'length > 80' stdout | wc -l)" = 0 ]
expect_exit 0 "$retort" importance toy.db --format csv
[ "$(head -1 stdout)" = gene,position,importance,share,choice,of_best,of_all ]
expect_exit 0 "$retort" importance toy.db -f json
expect_exit 0 "$retort" report toy.db -o toy.html
expect_line toy.html 'Which genes matter'
