# Teachers that others trained: a folder of transformers for texts and for images, an interrupted pass
# that goes on, and what does not fit, in a line each.
. "$project/tests/cli/toy.bash"
folders=$project/tests/golden/hf

LC_ALL=C awk 'BEGIN {
  split("the dog cat good bad not a b c", word, " ")
  print "text\tlabel"
  state = 5
  for (i = 0; i < 700; i++) {
    text = ""
    for (w = 0; w < 2 + i % 6; w++) {
      state = (state * 1103 + 12345) % 65536
      text = text " " word[1 + int(state / 65536 * 9)]
    }
    print substr(text, 2) "\t" i % 3
  }
}' >train.tsv
{ head -1 train.tsv; tail -50 train.tsv; } >test.tsv
cat >toy.yaml <<END
name: toy
task: text
seed: 3
store: toy.db
data: {format: tsv, train: train.tsv, test: test.tsv, length: 10, validation: 60}
teachers:
  cache: teachers
  members:
    - name: bert
      folder: $folders/bert
space:
  tie: uniform
  depth: [1, 2]
  width: [8, 16]
  head_dim: [8]
  heads: [1, 2]
  ffn: [8]
  vocabulary: [14]
  embedding: [4, 8]
  pool: mean
distill: {steps: 30, batch: 12, learning_rate: 0.01}
full: {epochs: 1}
search: {trials: 3, initial: 3, objectives: [error, params]}
latency: {warmup: 1, samples: 3}
END

expect_exit 0 "$retort" doctor toy.yaml
expect_line stdout "'bert' can be run on this data"
expect_exit 0 "$retort" teach toy.yaml
expect_line stdout 'bert                   3163'
cp teachers/knowledge.rtk whole

# Of 700 rows three; whatever came behind is asked for again, and all is as it was.
rm teachers/knowledge.rtk
head -c $((8 + 33 + 3 * 3 * 4 + 5)) teachers/bert.logits >part
mv part teachers/bert.logits
expect_exit 0 "$retort" teach toy.yaml
cmp teachers/knowledge.rtk whole || fail 'an interrupted pass does not go on as it was'
printf 'RTSAID of another teacher' >teachers/bert.logits
expect_exit 0 "$retort" teach toy.yaml
cmp teachers/knowledge.rtk whole || fail 'logits of another teacher were taken'

expect_exit 0 "$retort" search toy.yaml --workers 1
expect_exit 0 "$retort" distill toy.db 1
expect_line stdout "of the largest's   3163"

# Its tokens, layers and weights: students that are cut out of it, and learn from its inner layers.
sed "s|data: {format|data: {tokeniser: $folders/bert, format|; s|toy.db|post.db|; s|cache: teachers|cache: post|
     s|pool: mean|pool: mean\n  post_norm: true|
     s|^distill: {|distill: {init: prune, layers: {}, |" toy.yaml >post.yaml
expect_exit 0 "$retort" search post.yaml --workers 1
test -s post/bert.layers || fail 'what its layers say is not kept'
expect_exit 0 "$retort" doctor post.yaml
expect_line stdout "of 'bert' are kept once, in 969 KiB on disk"
cp post/bert.layers whole
expect_exit 0 "$retort" plan post.yaml --seconds 0.1

# Kept or beside the students: the same rows; an interrupted or damaged file goes on.
sed 's|cache: post|&\n  layers_limit: 1000|; s|post.db|beside.db|' post.yaml >beside.yaml
expect_exit 0 "$retort" doctor beside.yaml
expect_line stdout "of 'bert' take 969 KiB, more than teachers.layers_limit"
expect_exit 0 "$retort" search beside.yaml --workers 1
"$project/tests/compare_rows" post.db beside.db || fail 'kept layers change a trial'
head -c 30000 whole >post/bert.layers
expect_exit 0 "$retort" distill post.db 1
cmp post/bert.layers whole || fail 'kept layers do not go on as they were'

sed 's|post_norm: true|post_norm: false|; s|post.db|pre.db|' post.yaml >pre.yaml
expect_exit 0 "$retort" search pre.yaml --workers 1
sed "s/tokeniser: [^,]*, //; s/cache: post/cache: strange/; s/post.db/strange.db/" post.yaml >strange.yaml
expect_exit 1 "$retort" search strange.yaml --workers 1
expect_line stderr 'write data.tokeniser: with that folder'

# The example, with a folder that is at hand.
sed "s|../../models/wordnet|$folders/minilm|; s|#probe: .*|probe: {kind: head}|; s|length: 32|length: 16|
     s|vocabulary: .8000.|vocabulary: [20]|; s|depth: .*|depth: [1, 2]|" "$project/examples/wordnet/imported.yaml" >example.yaml
expect_exit 0 "$retort" doctor example.yaml
expect_line stdout "'imported' can be run on this data"

sed "s|$folders/bert|$folders/none|" toy.yaml >none.yaml
expect_exit 1 "$retort" teach none.yaml
expect_line stderr 'none/config.json'
sed "s|$folders/bert|$folders/minilm|" toy.yaml >encoder.yaml
expect_exit 1 "$retort" teach encoder.yaml
expect_line stderr 'has no classifier, so it says nothing about classes'

# A classifier that is trained on it: on what it says alone, or all of it. Labels go round by rows, and
# nobody can learn them; what counts is that all is kept and comes back.
sed "s|folder: $folders/minilm|&\n      probe: {kind: head, epochs: 2}|; s|toy.db|head.db|; s|cache: teachers|cache: head|" \
  encoder.yaml >head.yaml
expect_exit 0 "$retort" teach head.yaml
cp head/knowledge.rtk whole
expect_exit 0 "$retort" teach head.yaml
cmp head/knowledge.rtk whole || fail 'a probe is not the same the second time'
expect_exit 0 "$retort" search head.yaml --workers 1
expect_exit 0 "$retort" distill head.db 1
sed 's|kind: head, epochs: 2|kind: fine, epochs: 1|; s|head.db|fine.db|; s|cache: head|cache: fine|' head.yaml >fine.yaml
expect_exit 0 "$retort" teach fine.yaml
test -s fine/bert.safetensors || fail 'the tuned weights are not kept'
cp fine/knowledge.rtk whole
rm fine/bert.logits
expect_exit 0 "$retort" teach fine.yaml
cmp fine/knowledge.rtk whole || fail 'tuned weights do not say the same again'
expect_exit 0 "$retort" search fine.yaml --workers 1
sed 's|epochs: 1}|epochs: 2}|' fine.yaml >longer.yaml
expect_exit 1 "$retort" teach longer.yaml
expect_line stderr "remove it, and 'retort teach' trains it anew"

sed 's|length: 10|length: 17|' toy.yaml >long.yaml
expect_exit 1 "$retort" teach long.yaml
expect_line stderr 'reads at most 16 tokens'
sed "s|$folders/bert|$folders/vit|" toy.yaml >other.yaml
expect_exit 1 "$retort" teach other.yaml
expect_line stderr 'is a vit, which reads images'

toy_data
toy_study | sed "/- name: one/,/train:/c\    - name: vit\n      folder: $folders/vit" >images.yaml
expect_exit 0 "$retort" teach images.yaml
expect_line stdout 'vit                    2'
cp -r "$folders/deit" .
sed "s|$folders/vit|deit|" images.yaml >deit.yaml
expect_exit 1 "$retort" teach deit.yaml
expect_line stderr "deit' has no preprocessor_config.json"
cp "$folders/vit/preprocessor_config.json" deit
expect_exit 0 "$retort" teach deit.yaml
