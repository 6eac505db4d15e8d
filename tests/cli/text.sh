# Texts from a file to a front and a distilled student; the same rows for any number of workers and
# after kill -9; and what is wrong with files of texts, in a line each.
. "$project/tests/cli/toy.bash"
. "$project/tests/cli/elsewhere.bash"

# toy_texts ROWS: a tsv of them on stdout; the label is which of two words a text has.
toy_texts() {
  LC_ALL=C awk -v n="$1" 'BEGIN {
    split("warm cold", side, " "); split("day night sea hill town road", noun, " ")
    print "text\tlabel"
    state = 5
    for (i = 0; i < n; i++) {
      text = ""
      state = (state * 1103 + 12345) % 65536
      at = state % 5
      for (w = 0; w < 3 + state % 3; w++) {
        state = (state * 1103 + 12345) % 65536
        text = text (w == at ? side[1 + i % 2] " " : "") "the " noun[1 + int(state / 65536 * 6)] " "
      }
      if (at >= w) text = text side[1 + i % 2] " "
      print text i "\t" side[1 + i % 2]
    }
  }'
}
toy_texts 240 >train.tsv
toy_texts 300 | sed '2,241d' >test.tsv
cat >toy.yaml <<'END'
name: toy
task: text
seed: 3
store: toy.db
data: {format: tsv, train: train.tsv, test: test.tsv, length: 12, validation: 60}
teachers:
  cache: teachers
  members:
    - name: one
      train: {arch: L1-d16-k8-h2-f32-v60, epochs: 4, batch: 12, learning_rate: 0.01, seed: 1}
space:
  tie: uniform
  depth: [1, 2]
  width: [8, 16]
  head_dim: [8]
  heads: [1, 2]
  ffn: [8, 16]
  vocabulary: [40, 60]
  embedding: [4, 8]
  pool: mean
distill: {steps: 60, batch: 12, learning_rate: 0.01}
full: {epochs: 4}
search: {trials: 20, initial: 4, objectives: [error, params, macs]}
latency: {warmup: 1, samples: 3}
END

expect_exit 0 "$retort" doctor toy.yaml
expect_line stdout 'train data   240 texts, 2 classes, 60 tokens'
expect_line stdout 'lengths      median'
cp train.tsv kept.tsv
{ cat train.tsv; sed 1d test.tsv | head -5; } >more.tsv
mv more.tsv train.tsv
expect_exit 0 "$retort" doctor toy.yaml
expect_line stdout 'test texts are among those to train on'
mv kept.tsv train.tsv

# ---- the same rows ----
expect_exit 0 "$retort" search toy.yaml --db one.db --workers 1
[ "$(sqlite3 one.db "select count(*) from trial where state = 'committed'")" = 20 ]
[ "$(sqlite3 one.db "select count(*) from metric where name = 'macro_f1'")" = 20 ]
[ "$(sqlite3 one.db "select min(value) < .2 from metric where name = 'error'")" = 1 ]
expect_exit 0 "$retort" search toy.yaml --db two.db --workers "$two"
"$project/tests/compare_rows" one.db two.db
"$retort" search toy.yaml --db killed.db --workers "$two" 2>/dev/null &
until [ "$(sqlite3 -readonly killed.db "select count(*) > 4 from trial where state = 'committed'" \
  2>/dev/null)" = 1 ]; do sleep 0.01; done
kill -9 $! || true
wait $! 2>/dev/null || true
expect_exit 0 "$retort" search toy.yaml --db killed.db
"$project/tests/compare_rows" one.db killed.db

# ---- a student ----
first=$(sqlite3 one.db "select min(id) from candidate")
expect_exit 0 "$retort" front one.db
expect_line stdout '-v40'
expect_exit 0 "$retort" report one.db -o report.html
expect_exit 0 "$retort" distill one.db "$first" -o student.safetensors
expect_line stdout 'student.safetensors'
expect_line stdout 'F1 of each class'
expect_line stdout 'retort predict student.safetensors FILE'
[ "$(grep -c '"class"' student.json)" = 2 ]
[ "$(sqlite3 one.db "select count(*) from detail where name = 'class'")" = 2 ]
expect_exit 0 "$retort" report one.db -o report.html
grep -q '<h3>F1 of each class</h3>' report.html
grep -qa '"vocabulary":"\[PAD\]\\n' student.safetensors
grep -qa '"labels":"cold\\nwarm' student.safetensors
sed '1d; s/\t.*//' test.tsv >lines.txt
expect_exit 0 "$retort" predict student.safetensors lines.txt -o logits.npy
expect_line stdout 'logits.npy  logits of 60 examples, 2 classes'
python3 -c "import json; [print(json.dumps({'label': 'x', 'text': line.rstrip('\n')})) for line in open('lines.txt')]" >lines.jsonl
expect_exit 0 "$retort" predict student.safetensors lines.jsonl -o json.npy
cmp json.npy logits.npy
expect_exit 1 "$retort" predict student.safetensors test.tsv -o never.npy
expect_line stderr "'test.tsv' is a table, and texts are read a line each, or from a .jsonl file by the key text"
# a file that notes fewer tokens than its table has
python3 - <<'END'
import json, struct
data = open('student.safetensors', 'rb').read()
length = struct.unpack('<Q', data[:8])[0]
header = json.loads(data[8:8 + length])
notes = header['__metadata__']
notes['vocabulary'] = '\n'.join(notes['vocabulary'].splitlines()[:6]) + '\n'
text = json.dumps(header).encode()
text += b' ' * (-len(text) % 8)
open('fewer.safetensors', 'wb').write(struct.pack('<Q', len(text)) + text + data[8 + length:])
END
expect_exit 1 "$retort" predict fewer.safetensors lines.txt -o never.npy
expect_one_line stderr
expect_line stderr 'notes 6 tokens, and its table has 60'
expect_exit 0 "$retort" export student.safetensors -o student.onnx
expect_line stdout 'student.vocab.txt  its'
[ "$(wc -l <student.vocab.txt)" = "$(grep -ao '"arch":"[^"]*-v[0-9]*' student.safetensors | sed 's/.*-v//')" ]
grep -qa 'key_bias' student.onnx
expect_exit 0 "$retort" export student.safetensors -o student.c --selftest --reentrant
cat >main.c <<'END'
#include <stdio.h>
#include "student.h"
int main(void)
{
    static struct student_memory memory;
    static const int32_t outside = STUDENT_VOCABULARY;
    float logits[STUDENT_CLASSES];
    if (sizeof memory != STUDENT_RAM || student_run(&memory, &outside, 1, logits) != -1)
        return 1;
    return student_selftest(&memory);
}
END
cc -std=c99 -O1 -Wall -Wextra -Wpedantic -Wconversion -Werror student.c main.c -lm -o main
./main
run_elsewhere student.c main.c
# Pooled by the last token, which is another row of each text; and with norms behind the sums.
for kind in last post; do
  sed "s/pool: mean/pool: $kind/; s/pool: post/pool: mean\n  post_norm: true/
    s/toy.db/$kind.db/; s/cache: teachers/cache: $kind/" toy.yaml >$kind.yaml
  expect_exit 0 "$retort" search $kind.yaml --trials 1
  expect_exit 0 "$retort" distill $kind.db 1 --steps 20 -o $kind.safetensors
  expect_exit 0 "$retort" predict $kind.safetensors lines.txt -o $kind.npy
  expect_exit 0 "$retort" export $kind.safetensors -o $kind.onnx
  expect_exit 0 "$retort" export $kind.safetensors -o student.c --selftest --reentrant
  cc -std=c99 -O1 -Wall -Wextra -Wpedantic -Wconversion -Werror student.c main.c -lm -o main
  ./main
done
grep -qa GatherND last.onnx
grep -qa stem_ln post.onnx
expect_exit 0 "$retort" export student.safetensors -o student.c --selftest --reentrant
# An id is looked at before it is used, and a student that answers nothing is wrong every time.
sed -i 's/outside = .*;/outside = INT32_MAX;/' main.c
cc -std=c99 -fsanitize=undefined -fsanitize-undefined-trap-on-error student.c main.c -lm -o main
./main
sed -i 's/outside = .*;/outside = -1;/; s/return student_selftest(&memory);/return student_selftest(\&memory) != 8;/' main.c
sed 's/if (count < 1 || /if (1 || /' student.c >mute.c
cc -std=c99 -g -fsanitize=address mute.c main.c -lm -o main
./main

# ---- what is wrong ----
refused() { # TEXT
  rm -rf teachers toy.db*
  expect_exit 1 "$retort" search toy.yaml
  expect_one_line stderr
  expect_line stderr "$1"
}
cp train.tsv good.tsv
head -5 good.tsv >train.tsv
echo 'no label' >>train.tsv
refused "'train.tsv':6: 1 field, want 2"
{ cat good.tsv; printf 'caf\xe9\twarm\n'; } >train.tsv
refused "'train.tsv':242: byte 0xe9 is no UTF-8"
{ cat good.tsv; printf 'a\0b\twarm\n'; } >train.tsv
refused "'train.tsv':242: a NUL byte"
sed '1s/text/sentence/' good.tsv >train.tsv
refused "'train.tsv':1: no column 'text'"
sed '2,$s/.*\t/\t/' good.tsv >train.tsv
refused "every text of 'train.tsv' is empty"
sed '2,$s/\t.*/\t1.5/' good.tsv >train.tsv
refused 'a regression'
cp good.tsv train.tsv
cp toy.yaml kept.yaml
sed 's/length: 12/&, tokeniser: vocab.txt/' kept.yaml >toy.yaml
refused "'vocab.txt'"
printf '[PAD]\n[UNK]\nthe\n' >vocab.txt
refused "'vocab.txt' lacks the token '[CLS]'"
printf '[PAD]\n[UNK]\nthe\nthe\n' >vocab.txt
refused "'vocab.txt':4: token 3, 'the', is token 2 too"
sed 's/length: 12/&, tokeniser: tokenizer.json/' kept.yaml >toy.yaml
echo '{"model": {"type": "Unigram", "vocab": []}}' >tokenizer.json
refused "tokenizer.json' is Unigram"
sed 's/vocabulary: .*/vocabulary: [40, 6000]/' kept.yaml >toy.yaml
refused 'a vocabulary of 6000 tokens is asked for, but the train rows have'
cp kept.yaml toy.yaml
printf 'text\tlabel\na\tlukewarm\n' >test.tsv
expect_exit 1 "$retort" distill one.db "$first"
expect_line stderr "test.tsv':2: the label 'lukewarm' is none of the 2"
