# A distilled student leaves: weights to ONNX and C, floats and int8, and predict beside them.
. "$project/tests/cli/toy.bash"
. "$project/tests/cli/elsewhere.bash"
toy_data
toy_study | sed 's/^distill:/&\n  quantise: ptq\n  ptq_rows: 20/' >toy.yaml
expect_exit 0 "$retort" search toy.yaml --trials 3
expect_exit 1 "$retort" export toy.db 2 -o student.onnx
expect_line stderr 'retort distill toy.db 2 -o FILE.safetensors'
expect_exit 0 "$retort" distill toy.db 2 --steps 5 -o student.safetensors
expect_line stdout 'retort export student.int8.safetensors --db toy.db -o student.onnx, or student.c'
expect_line student.safetensors '"task":"image"'
expect_line student.safetensors '"height":"8"'

# A candidate's newest weights, or a file.
expect_exit 0 "$retort" export toy.db 2 -o student.onnx
expect_line stdout ' bytes, of student.safetensors'
expect_exit 0 "$retort" export student.safetensors -o again.onnx
cmp student.onnx again.onnx
expect_exit 0 "$retort" export student.safetensors -o four.onnx --batch 4
expect_exit 0 "$retort" export student.int8.safetensors -o codes.onnx
expect_exit 0 "$retort" export student.int8.safetensors -o qdq.onnx --form qdq
grep -aq QuantizeLinear codes.onnx
grep -aq DequantizeLinear qdq.onnx
[ "$(grep -ac DequantizeLinear codes.onnx)" = 0 ]

# The C code compiles without a warning and agrees with itself as written, on this machine.
for form in student student.int8; do
  name=${form/./_}
  expect_exit 0 "$retort" export $form.safetensors -o "$name.c" --selftest
  printf '#include "%s.h"\nint main(void) { return %s_selftest(); }\n' "$name" "$name" >main.c
  cc -std=c99 -O2 -Wall -Wextra -Wconversion -pedantic -Werror main.c "$name.c" -lm -o run
  ./run
  run_elsewhere main.c "$name.c"
done
expect_exit 0 "$retort" export student.safetensors -o x.c --name gesture --reentrant
expect_line x.h 'int gesture_run(struct gesture_memory *memory, const uint8_t *pixels, float *logits);'
expect_line x.h '#define GESTURE_CLASSES 3'

# Logits of the test file, as NumPy reads them; the test error is the one that distill told.
for form in student student.int8; do
  expect_exit 0 "$retort" predict $form.safetensors test-images -o logits.npy
  python3 - "$form" <<'END'
import json, struct, sys
data = open('logits.npy', 'rb').read()
start = 10 + struct.unpack('<H', data[8:10])[0]
values = struct.unpack(f'<{(len(data) - start) // 4}f', data[start:])
rows = [values[i:i + 3] for i in range(0, len(values), 3)]
labels = open('test-labels', 'rb').read()[8:]
wrong = sum(r.index(max(r)) != l for r, l in zip(rows, labels))
told = open(sys.argv[1] + '.safetensors', 'rb').read()
told = json.loads(told[8:8 + struct.unpack('<Q', told[:8])[0]])['__metadata__']['test_error']
assert len(rows) == len(labels) == 30 and abs(wrong / 30 - float(told)) < 1e-5, (wrong, told)
END
done

# The library, from C and from Python: the same classes as predict's. (A program that was not built for it
# cannot load one with a sanitiser.)
lib=$(dirname "$retort")
nm -D "$lib/libretort.so" >symbols
if ! grep -Eq '__(asan|tsan)_init' symbols; then
  export LD_LIBRARY_PATH=$lib
  cc -std=c99 -Wall -Wextra -Werror -I"$project/library" "$project/examples/library/classify.c" \
    -L"$lib" -lretort -o classify
  tail -c +17 test-images >pixels
  for form in student student.int8; do
    expect_exit 0 "$retort" predict $form.safetensors test-images -o logits.npy
    python3 -c "import struct
data = open('logits.npy', 'rb').read()[-4 * 90:]
rows = [struct.unpack('<3f', data[i:i + 12]) for i in range(0, 360, 12)]
print(*[r.index(max(r)) for r in rows], sep='\n')" >want
    ./classify $form.safetensors <pixels >got
    cmp want got
    python3 "$project/examples/library/classify.py" $form.safetensors <pixels >got
    cmp want got
  done
  expect_exit 1 ./classify toy.yaml
  expect_line stderr "toy.yaml"
fi

# Folders for PyTorch and for transformers, and a study for Optuna: as many trials, the same front.
expect_exit 0 "$retort" export student.int8.safetensors --format torch -o torch
cmp torch/student.safetensors student.int8.safetensors
python3 -m py_compile torch/retort_student.py
expect_exit 0 "$retort" distill toy.db L2-d16-k8-h3-f8-p4 --steps 1 -o vit.safetensors
expect_exit 0 "$retort" export vit.safetensors --format huggingface -o vit
python3 - <<'END'
import json, struct
config = json.load(open('vit/config.json'))
assert (config['model_type'], config['head_dim'], config['id2label']['2']) == ('vit', 8, 'LABEL_2')
data = open('vit/model.safetensors', 'rb').read()
length = struct.unpack('<Q', data[:8])[0]
header = json.loads(data[8:8 + length])
ours = open('vit.safetensors', 'rb').read()
start = struct.unpack('<Q', ours[:8])[0]
mine = json.loads(ours[8:8 + start])
def values(data, header, base, name):
    a, b = header[name]['data_offsets']
    return data[base + a:base + b]
key = values(data, header, 8 + length, 'vit.encoder.layer.1.attention.attention.key.weight')
qkv = values(ours, mine, 8 + start, 'block.1.qkv.weight')
assert len(qkv) == 3 * len(key) and key == qkv[len(key):2 * len(key)]
assert header['vit.embeddings.patch_embeddings.projection.weight']['shape'] == [16, 1, 4, 4]
assert len(header) == 1 + 8 + 16 * 2
END
# Taken up again as a teacher it says the same, to the bit, though its heads together are wider than it is.
sed 's/cache: teachers/cache: again/; /- name: one/d; s/^      train:.*/    - {name: vit, folder: vit}/' toy.yaml >again.yaml
expect_exit 0 "$retort" teach again.yaml
expect_exit 0 "$retort" predict vit.safetensors train-images -o train.npy
cmp <(tail -c 1080 train.npy) <(tail -c 1080 again/vit.logits)
expect_exit 0 "$retort" export toy.db --optuna optuna.db
[ "$(sqlite3 optuna.db 'select count(*) from trials')" = 3 ]
[ "$(sqlite3 optuna.db 'select version_num, schema_version from alembic_version, version_info')" = 'v3.2.0.a|12' ]
best='with v as (select number, value, objective from trials join trial_values using (trial_id))
  select number from trials where state = "COMPLETE" and number not in (select a.number from v a join v b
    using (objective) group by a.number, b.number
    having max(b.value > a.value) = 0 and max(b.value < a.value) = 1)'
[ "$(sqlite3 optuna.db "$best")" = "$(sqlite3 toy.db 'select trial from front order by trial')" ]
[ "$(sqlite3 optuna.db "select count(*) from trial_params where param_name = 'heads'")" = 3 ]

# The page has files with their sizes and what a call takes on each machine or runtime that was asked.
expect_exit 0 "$retort" latency toy.db 2 --host board --command "$retort latency --answer" --seconds 1
expect_exit 0 "$retort" export toy.db 2 --format torch -o torch2
hash=$(sqlite3 toy.db "select hash from exported where path = 'torch2'")
[ "${#hash}" = 32 ]
[ "$hash" = "$(sqlite3 toy.db "select hash from exported where path = 'student.safetensors'")" ]
[ "$(sqlite3 toy.db "select bytes from exported where path = 'torch2'")" = "$(cat torch2/* | wc -c)" ]
expect_exit 0 "$retort" report toy.db -o page.html
expect_line page.html "$hash"
expect_line page.html 'Files of students'
grep -Eq '<td[^>]*>.*board [0-9.]+ µs' page.html

# What does not go together is said, and nothing is written.
refuse() { # CODE TEXT ARGUMENT...
  local code=$1 text=$2
  shift 2
  expect_exit "$code" "$retort" "$@"
  expect_one_line stderr
  expect_line stderr "$text"
}
refuse 2 'no --output FILE' export student.safetensors
refuse 2 'ends neither in .onnx nor in .c' export student.safetensors -o y.txt
refuse 2 'of C, not of ONNX' export student.safetensors -o y.onnx --selftest
refuse 2 'of ONNX, not of C' export student.safetensors -o y.c --batch 2
refuse 2 'of a folder give --format' export student.safetensors -o folder
refuse 2 '--format is of a folder' export student.safetensors --format torch -o y.onnx
refuse 2 '--optuna names the file' export toy.db --optuna y.onnx -o y.c
refuse 1 'it is in int8' export student.int8.safetensors --format huggingface -o y.onnx2
refuse 1 'is of int8' export student.safetensors -o y.onnx --form codes
refuse 1 'is no name for a C function' export student.safetensors -o 9.c
refuse 1 'use --name' export student.safetensors -o a_name_that_is_longer_than_31_characters.c
refuse 1 "no candidate '77'" export toy.db 77 -o y.onnx
refuse 1 'is not a safetensors file' export toy.yaml -o y.onnx
refuse 1 'cannot open' export nothing.safetensors -o y.onnx
refuse 1 'want 0x00000803' predict student.safetensors test-labels -o y.npy
refuse 2 "DATA is missing" predict student.safetensors -o y.npy
[ ! -e y.onnx ] && [ ! -e y.c ] && [ ! -e y.npy ]

# no output replaces a study, or what SQLite keeps beside one
sqlite3 toy.db '.backup precious.db'
cp precious.db before.db
expect_exit 1 "$retort" export precious.db --optuna precious.db
expect_line stderr "'precious.db' is a study's database, which nothing replaces; name another file"
expect_exit 1 "$retort" report precious.db -o precious.db
expect_one_line stderr
ln -s precious.db alias.html
expect_exit 1 "$retort" report precious.db -o alias.html
cmp before.db precious.db
