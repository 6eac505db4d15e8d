# Bad options and operands: one line each on stderr, exit 2, nothing on stdout.
refused() { # TEXT COMMAND...: the program refuses its arguments, and says TEXT
  local text=$1
  shift
  expect_exit 2 "$retort" "$@"
  expect_one_line stderr
  expect_line stderr "retort $1: error: $text"
  expect_line stderr "; see 'retort help $1'"
  [ ! -s stdout ]
}

for command in teach search doctor status front best report help; do
  refused "unknown or ambiguous option '--frob'" "$command" --frob
  refused "unknown option '-Z'" "$command" -Z
done
refused 'STUDY is missing' teach
refused 'STUDY is missing' search
refused 'DB is missing' status
refused 'DB is missing' front
refused 'DB is missing' best
refused 'DB is missing' importance
refused 'give two databases or more' compare
refused 'give two databases or more' compare one.db
refused 'DB is missing' report -o page.html
refused "unexpected argument 'b'" front a b
refused "unexpected argument 'b'" doctor a b
refused "unexpected argument 'b'" status a b

refused "option '--format' needs a value" front x.db --format
refused "unknown format 'xml', known: table, csv, json" front x.db --format xml
refused "unknown format 'xml', known: table, csv, json" best x.db -f xml
refused "option '--knee=1' takes no value" best x.db --knee=1
refused "--max-params 'many' is not a number" best x.db --max-params many
refused "--max-params '0' is out of range: 1 to 9e+18" best x.db --max-params 0
refused "--max-params '10x' is not a number" best x.db --max-params 10x
refused "--within '-1' is out of range" best x.db --within=-1%
refused "--max-params '99999999999999999999' is out of range" best x.db --max-params 99999999999999999999
refused "--max-error '2' is out of range: 0 to 1" best x.db --max-error 2
refused "--max-error 'nan' is not a number" best x.db --max-error nan
refused "--max-latency '' is not a number" best x.db --max-latency ''
refused "--max-latency '-1' is out of range" best x.db --max-latency -1
refused "unknown or ambiguous option '--ma'" best x.db --ma 1
refused "--max '1' is no NAME=VALUE" best x.db --max 1
refused "--watch '0' is out of range" status x.db --watch 0
refused "--watch 'often' is not a number" status x.db --watch=often
refused 'nothing to write: give -o FILE, --figures DIR or both' report x.db
refused "option '-o' needs a value" report x.db -o
