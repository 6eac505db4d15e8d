# init writes a study that the program itself reads, and never overwrites one.
expect_exit 0 "$retort" init image new/study
expect_line stdout 'new/study/study.yaml'
[ -s new/study/study.yaml ]
[ "$(ls new/study)" = study.yaml ]

# doctor reads it, until it wants the data
sed 's|/usr/share/datasets|/nowhere|' new/study/study.yaml >new/study/elsewhere.yaml
expect_exit 1 "$retort" doctor new/study/elsewhere.yaml
expect_line stdout "'images' from 'new/study/elsewhere.yaml'"
expect_line stdout "FAIL  data         cannot open '/nowhere/"

expect_exit 0 "$retort" init text new/texts
sed 's|/usr/share/wordnet|/nowhere|' new/texts/study.yaml >new/texts/elsewhere.yaml
expect_exit 1 "$retort" doctor new/texts/elsewhere.yaml
expect_line stdout "FAIL  data         cannot open '/nowhere/data.adj'"
expect_exit 0 "$retort" init text new/next --target next
grep -q '^  target: next' new/next/study.yaml
expect_exit 2 "$retort" init text new/never --target past
expect_one_line stderr
expect_line stderr "unknown target 'past' of 'text', known: label, next"
expect_exit 2 "$retort" init image new/never --target next
expect_line stderr "unknown target 'next' of 'image', known: none"
[ ! -e new/never ]

echo precious >new/study/study.yaml
expect_exit 1 "$retort" init image new/study
expect_one_line stderr
expect_line stderr "retort init: error: 'new/study/study.yaml' exists"
[ "$(cat new/study/study.yaml)" = precious ]

expect_exit 2 "$retort" init
expect_line stderr 'TASK is missing'
expect_exit 2 "$retort" init image
expect_line stderr 'DIR is missing'
expect_exit 2 "$retort" init texts there
expect_one_line stderr
expect_line stderr "unknown task 'texts', known: image, text"
[ ! -e there ]

: >file
expect_exit 1 "$retort" init image file
expect_one_line stderr
expect_line stderr file
if [ "$(id -u)" != 0 ]; then
  mkdir barred && chmod a-w barred
  expect_exit 1 "$retort" init image barred
  expect_one_line stderr
  expect_line stderr 'barred/study.yaml'
fi
