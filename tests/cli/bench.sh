# What a machine does, and what a study costs on it, in figures that are there and positive.
. "$project/tests/cli/toy.bash"

expect_exit 0 "$retort" bench --student L1-d16-k8-h2-f16-p7 --seconds 0.1 --format csv
expect_line stdout 'student,side,kernels,products,micro_batch,examples_per_second,gflops'
[ "$(wc -l <stdout)" = 2 ]
awk -F, 'NR == 2 { for (i = 5; i <= 12; i++) if (!($i > 0)) exit 1; if ($9 > 1.5) exit 1 }' stdout

toy_data
toy_study | sed 's/distill:/distill:\n  micro_batch: 0/' >toy.yaml
expect_exit 0 "$retort" bench toy.yaml --seconds 0.1
expect_line stdout 'trials per hour with 1 workers'
expect_line stdout 'a worker takes at most'
[ ! -e teachers ] && [ ! -e toy.db ] # teachers are not needed, and nothing is left behind

for recipe in 'layers: {}' 'layers: {intermediate: 0}' 'quantise: qat' 'layers: {}\n  quantise: qat'; do
  toy_study | sed "s/depth: .*/depth: [1]/; s/distill:/&\n  $recipe/" >inner.yaml
  expect_exit 0 "$retort" bench inner.yaml --seconds 0.1
  expect_line stdout 'trials per hour with 1 workers'
done

# The products that were chosen are kept with the micro-batches, and used again.
expect_exit 0 "$retort" search toy.yaml --trials 3
[ "$(sqlite3 toy.db "select json_type(settings, '$.openblas') from study")" = array ]
expect_exit 0 "$retort" search toy.yaml --trials 4

expect_exit 1 "$retort" bench --student L1-d16-k8-h2-f16-p5
expect_line stderr 'patch'
expect_one_line stderr
expect_exit 1 "$retort" bench no.yaml
expect_line stderr no.yaml
expect_exit 2 "$retort" bench --format json
expect_one_line stderr
