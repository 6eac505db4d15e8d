# The whole way on a toy task: teach, search, look, pick, distil; and what resuming does.
. "$project/tests/cli/toy.bash"
toy_data
toy_study >toy.yaml

expect_exit 0 "$retort" doctor toy.yaml
expect_line stdout 'ok    train data   90 images of 8x8x1, 3 classes'
expect_line stdout 'not yet taught'
[ ! -e toy.db ] && [ ! -e teachers ]

expect_exit 0 "$retort" teach toy.yaml
expect_line stdout ensemble
[ -s teachers/knowledge.rtk ] && [ -s teachers/one.safetensors ]
expect_exit 0 "$retort" doctor toy.yaml
expect_line stdout 'what they say is cached'

expect_exit 0 "$retort" search toy.yaml --log toy.log
[ -s toy.log ]
[ "$(sqlite3 toy.db "select count(*) from trial where state = 'committed'")" = 12 ]
expect_exit 0 "$retort" search toy.yaml --trials 13
[ "$(wc -l <stderr)" -eq "$(grep -vc warning stderr)" ]
sqlite3 toy.db "update study set settings = json_remove(settings, '\$.search')" # as version 1 was
expect_exit 0 "$retort" search toy.yaml --trials 14
expect_line stderr 'warning: another version of the search began this study'
[ "$(sqlite3 toy.db "select count(*) from trial where state = 'committed'")" = 14 ]
# each run keeps what it was asked for, whatever the study file says
[ "$(sqlite3 toy.db "select group_concat(trials || ' ' || ending, '; ') from run")" = \
  '12 all trials done; 13 all trials done; 14 all trials done' ]
expect_exit 0 "$retort" doctor toy.yaml
expect_line stdout 'of this study'

expect_exit 0 "$retort" status toy.db
expect_line stdout 14
expect_exit 0 "$retort" front toy.db
expect_line stdout L1-d8-
expect_exit 0 "$retort" front toy.db --format csv
[ "$(wc -l <stdout)" -ge 2 ]
expect_exit 0 "$retort" front toy.db --format json
expect_exit 0 "$retort" best toy.db --knee
expect_exit 0 "$retort" best toy.db --suggested --max-params 1M --max-error 99%
expect_exit 0 "$retort" best toy.db --within 0.5%
expect_line stdout 'within 0.5 points of the lowest error'
expect_exit 0 "$retort" best toy.db --max-params 2000
expect_exit 1 "$retort" best toy.db --max-params 2
expect_one_line stderr
expect_exit 0 "$retort" report toy.db -o toy.html
[ -s toy.html ]

# The space has 36 members; without a limit the search ends when all have been tried.
expect_exit 0 "$retort" search toy.yaml --db all.db --trials 0
grep -hF 'the whole space has been tried; lists are tied: with tie: auto it has ' stdout stderr >/dev/null
[ "$(sqlite3 all.db "select count(distinct candidate) from trial where state = 'committed'")" = 36 ]

# Ties that are not said are `auto`, but of a database that began when they were `uniform`.
sed '/tie: uniform/d' toy.yaml >unsaid.yaml
expect_exit 0 "$retort" doctor unsaid.yaml
expect_line stdout 'of this study'
expect_exit 0 "$retort" search unsaid.yaml --db all.db --trials 0
expect_line stdout 'the whole space has been tried; lists are tied'
expect_exit 0 "$retort" search unsaid.yaml --db free.db --trials 40
[ "$(sqlite3 free.db "select count(distinct candidate) from trial where state = 'committed'")" = 40 ]

arch=$(sqlite3 toy.db 'select arch from pareto limit 1')
expect_exit 0 "$retort" distill toy.db "$arch" --steps 20 -o student.safetensors
[ -s student.safetensors ]
expect_exit 1 "$retort" distill toy.db L9-d9
expect_one_line stderr
expect_line stderr "no candidate 'L9-d9' in 'toy.db'"
