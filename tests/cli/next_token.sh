# The next token from a file of texts to a front, a distilled student and how it goes on; the same rows for
# any number of workers; and what such studies cannot ask for, in a line each.
. "$project/tests/cli/toy.bash"

# toy_lines ROWS: texts in which a word tells the next.
toy_lines() {
  LC_ALL=C awk -v n="$1" 'BEGIN {
    split("one two three four five six seven", word, " ")
    for (i = 0; i < n; i++) {
      text = ""
      for (w = 0; w < 3 + i % 5; w++) text = text word[1 + (i * 5 + w) % 7] " "
      print text "end"
    }
  }'
}
toy_lines 120 >train.txt
toy_lines 30 >test.txt
cat >toy.yaml <<'END'
name: toy
task: text
seed: 3
store: toy.db
data: {format: lines, train: train.txt, test: test.txt, target: next, length: 8, validation: 30, tokens: words}
teachers:
  cache: teachers
  members:
    - name: one
      train: {arch: L1-d16-k8-h2-f32-v12, epochs: 12, batch: 12, learning_rate: 0.01, seed: 1}
space:
  tie: uniform
  depth: [1, 2]
  width: [8, 16]
  head_dim: [8]
  heads: [1, 2]
  ffn: [8, 16]
  vocabulary: [12]
  embedding: [4, 8]
distill: {steps: 40, batch: 12, learning_rate: 0.01, quantise: ptq}
full: {epochs: 30}
gates: {accuracy_retention: 0.5}
search: {trials: 8, initial: 4, objectives: [bits_per_character, params, int8_kl]}
latency: {warmup: 1, samples: 3}
END

expect_exit 0 "$retort" doctor toy.yaml
expect_line stdout 'train data   120 texts, the next of 12 tokens is asked'
expect_exit 0 "$retort" search toy.yaml --db one.db --workers 1
[ "$(sqlite3 one.db "select count(*) from metric where name = 'bits_per_character'")" = 8 ]
[ ! -e teachers/knowledge.rtk ]
expect_exit 0 "$retort" search toy.yaml --db two.db --workers "$two"
"$project/tests/compare_rows" one.db two.db
expect_exit 0 "$retort" search toy.yaml --db two.db --workers 1 --trials 10
[ "$(sqlite3 two.db "select count(*) from trial where state = 'committed'")" = 10 ]
expect_exit 0 "$retort" front one.db
expect_line stdout 'bits_per_character'
expect_exit 0 "$retort" report one.db -o report.html
grep -q 'of the next token, at every token' report.html
expect_exit 0 "$retort" doctor toy.yaml
expect_line stdout 'asked beside the students'

# ---- a student ----
best=$(sqlite3 one.db "select candidate from trial join metric on metric.trial = trial.number
  where name = 'bits_per_character' order by value limit 1")
expect_exit 0 "$retort" distill one.db "$best" -o student.safetensors --gates
expect_line stdout 'bits/char'
expect_line stdout 'retort sample student.int8.safetensors --prompt TEXT'
for weights in student student.int8; do
  expect_exit 0 "$retort" sample "$weights.safetensors" --prompt 'one two three' --tokens 1 --temperature 0
  expect_line stdout 'student          four'
done
expect_exit 0 "$retort" sample one.db "$best" -p 'TWO three four five' --tokens 2
expect_line stdout 'one  '
expect_exit 2 "$retort" sample one.db "$best"
expect_line stderr 'no --prompt TEXT'
expect_exit 1 "$retort" predict student.safetensors test.txt -o logits.npy
expect_line stderr "'retort sample' asks it"
expect_exit 1 "$retort" export student.safetensors -o student.onnx
expect_one_line stderr
expect_exit 1 "$retort" distill one.db L1-d8-k8-h1-f8-e4-v900 --steps 2
expect_one_line stderr
expect_line stderr 'the study has no vocabulary of 900 tokens'

# a file that notes a control token behind the tokens its table has
python3 - <<'END'
import json, struct
data = open('student.safetensors', 'rb').read()
length = struct.unpack('<Q', data[:8])[0]
header = json.loads(data[8:8 + length])
notes = header['__metadata__']
tokens = notes['vocabulary'].splitlines()
for name in ('UNK', 'CLS', 'SEP'):
    at = tokens.index(f'[{name}]')
    notes['vocabulary'] = '\n'.join(tokens[:at] + ['other'] + tokens[at + 1:] + [f'[{name}]', ''])
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    open(f'{name}.safetensors', 'wb').write(struct.pack('<Q', len(text)) + text + data[8 + length:])
END
for name in UNK CLS SEP; do
  expect_exit 1 "$retort" sample $name.safetensors --prompt 'one two' --tokens 2
  expect_one_line stderr
  expect_line stderr "'$name.safetensors' notes [$name] as token 12, and its table has 12"
done

# ---- what is refused ----
refused() { # CHANGE TEXT
  sed "$1" toy.yaml >other.yaml
  expect_exit 1 "$retort" search other.yaml --db other.db
  expect_one_line stderr
  expect_line stderr "$2"
}
refused 's/vocabulary: .*/vocabulary: [12, 9]/' 'the same for all; give one number'
refused 's/f32-v12/f32-v9/' 'end it with -v12'
refused 's/  embedding/  pool: mean\n&/' 'none are pooled'
refused 's/quantise: ptq/&, loss: dist/' 'give fkl'
refused 's/quantise: ptq/&, init: prune/' 'give random'
refused 's/quantise: ptq/&, layers: {hidden: 1}/' 'learn from answers, not layers'
refused 's/cache: teachers/&\n  combine: logit/' 'the mean is of probabilities'
refused 's/cache: teachers/&\n  weights: entropy/' 'not kept to be weighed'
refused 's/target: next/target: label/' 'lines have no labels'
refused 's/train: {arch.*/logits: {train: x.npy}/' 'trained here'
refused 's/tokens: words/&, label: x/' 'read alone'
refused 's/search: {/&inherit: parent, /' 'random weights'
