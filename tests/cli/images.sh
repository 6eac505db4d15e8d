# The same images as IDX, .npy, .npz, a folder of PNG files and a table of them are the same rows.
. "$project/tests/cli/toy.bash"
toy_data

# All from the toy's IDX files, class by class: a folder has no other order.
python3 - <<'END'
import io, os, struct, zipfile, zlib

def read(part):
    count = {'train': 90, 'test': 30}[part]
    pixels, labels = open(part + '-images', 'rb').read()[16:], open(part + '-labels', 'rb').read()[8:]
    order = sorted(range(count), key=lambda i: labels[i])
    return [pixels[64 * i:64 * i + 64] for i in order], [labels[i] for i in order]

def npy(kind, shape, values):
    header = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (kind, shape)
    return b'\x93NUMPY\x01\x00\x76\x00' + header.ljust(117).encode() + b'\n' + values

def png(pixels):
    def chunk(name, data):
        return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))
    rows = b''.join(b'\0' + pixels[8 * y:8 * y + 8] for y in range(8))
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 8, 8, 8, 0, 0, 0, 0)) +
            chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))

def write(name, data):
    os.makedirs(os.path.dirname(name) or '.', exist_ok=True)
    open(name, 'wb').write(data)

for part in 'train', 'test':
    pixels, labels = read(part)
    n = len(labels)
    write(part + '.idx', struct.pack('>IIII', 0x803, n, 8, 8) + b''.join(pixels))
    write(part + '-labels.idx', struct.pack('>II', 0x801, n) + bytes(labels))
    x = npy('|u1', '(%d, 8, 8)' % n, b''.join(pixels))
    y = npy('<i4', '(%d,)' % n, struct.pack('<%di' % n, *labels))
    write(part + '.npy', x)
    write(part + '-labels.npy', y)
    with zipfile.ZipFile(part + '.npz', 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, data in ('x', x), ('y', y):
            with archive.open(name + '.npy', 'w', force_zip64=True) as file:  # as NumPy does
                file.write(data)
    table = 'label,image\r\n'
    for i, (p, label) in enumerate(zip(pixels, labels)):
        name = '%s/class-%d/%03d.png' % (part, label, i)
        write(name, png(p))
        table += 'class-%d,"%s"\r\n' % (label, name)
    write(part + '.csv', table.encode())
END

# study FORMAT TRAIN TRAIN_LABELS TEST TEST_LABELS: a study of them, "" for no such key.
study() {
  toy_study | sed "s|train_images: .*|format: $1\n  train_images: $2|; s|train_labels: .*|train_labels: $3|
    s|test_images: .*|test_images: $4|; s|test_labels: .*|test_labels: $5|; s|toy.db|$1.db|" | sed '/_labels: $/d'
}
study idx train.idx train-labels.idx test.idx test-labels.idx >idx.yaml
study npy train.npy train-labels.npy test.npy test-labels.npy >npy.yaml
study npy train.npz:x train.npz:y test.npz:x test.npz:y | sed 's/npy.db/npz.db/' >npz.yaml
study folder train '' test '' >folder.yaml
study csv train.csv '' test.csv '' >csv.yaml
for kind in idx npy npz folder csv; do
  expect_exit 0 "$retort" data $kind.yaml --export $kind
  expect_line stdout "$kind/train.npy: 90 images of 8x8x1, 3 classes"
  for file in train train_labels rows_train rows_validation test test_labels; do
    cmp idx/$file.npy $kind/$file.npy
  done
  [ ! -e $kind/rows_held_out.npy ]
done

# And so trials are: the teachers' cache of the first is of the others' data, too.
for kind in idx folder npz; do
  expect_exit 0 "$retort" search $kind.yaml --trials 2
done
bash "$project/tests/compare_rows" idx.db folder.db
bash "$project/tests/compare_rows" idx.db npz.db

# What was written is read again, and a student answers to it.
expect_exit 0 "$retort" distill folder.db 1 --steps 3 -o student.safetensors
expect_exit 0 "$retort" predict student.safetensors folder/test.npy -o a.npy
expect_line student.safetensors '"labels":"class-0\nclass-1\nclass-2\n"'
expect_exit 0 "$retort" predict student.safetensors test -o b.npy
cmp a.npy b.npy
expect_exit 0 "$retort" predict student.safetensors test.csv -o b.npy
cmp a.npy b.npy
expect_exit 0 "$retort" predict student.safetensors test.idx -o b.npy
cmp a.npy b.npy

# Validation images of their own stand behind the others.
study idx train.idx train-labels.idx '' '' | sed '/test_/d; /validation: 30/d; s/^  train_labels.*/&\
  validation_images: test.idx\n  validation_labels: test-labels.idx/; s/idx.db/own.db/; s/cache: teachers/cache: own/' >own.yaml
expect_exit 0 "$retort" data own.yaml --export own
expect_line stdout 'own/train.npy: 120 images'
expect_line stdout 'own/rows_train.npy: 90 numbers'
expect_line stdout 'own/rows_validation.npy: 30 numbers'
expect_exit 0 "$retort" search own.yaml --trials 1

# All are resized to what the study says; grey is repeated.
sed 's/^  format: folder/&\n  height: 4\n  width: 12\n  channels: 3/' folder.yaml >resized.yaml
expect_exit 0 "$retort" data resized.yaml --export resized
expect_line stdout 'resized/train.npy: 90 images of 4x12x3, 3 classes'

refused() { # STUDY TEXT
  expect_exit 1 "$retort" data "$1" --export no
  expect_one_line stderr
  expect_line stderr "$2"
}
sed 's/train.idx/train.npy/' idx.yaml >wrong.yaml
refused wrong.yaml 'a .npy file is read with data.format: npy'
sed 's/train.idx/train.npz/' idx.yaml >wrong.yaml
refused wrong.yaml 'a .npz file is read with data.format: npy'
sed 's/train.npz:x/train.npz/' npz.yaml >wrong.yaml
refused wrong.yaml "'train.npz' has not one array; say which as FILE.npz:ARRAY, of: x y"
sed '/^  train_labels/d' npy.yaml >wrong.yaml
refused wrong.yaml 'data.train_images: images and labels go together; give train_labels, too'
sed 's/^  format: folder/&\n  train_labels: train-labels.idx/' folder.yaml >wrong.yaml
refused wrong.yaml 'data.train_labels: the images say their labels in this format; leave it out'
sed 's/^  format: idx/&\n  height: 4/' idx.yaml >wrong.yaml
refused wrong.yaml 'data.height: only pictures (format folder or csv) are resized'
sed 's/^  format: folder/&\n  height: 4/' folder.yaml >wrong.yaml
refused wrong.yaml 'data.height: height and width go together'
sed 's/train_images: train$/train_images: train.idx/' folder.yaml >wrong.yaml
refused wrong.yaml 'wants one with a folder for each class'
mkdir test/other
refused folder.yaml "'test' has a class 'other' that the training data have not"
rmdir test/other
cp train.idx train/class-0/000.png
refused folder.yaml "'train/class-0/000.png' is neither PNG nor JPEG; convert it, or take it out"
rm train/class-0/000.png
refused csv.yaml "cannot open 'train/class-0/000.png'"
cp idx/train.npy train/class-0/Thumbs.db
refused folder.yaml "'train/class-0/Thumbs.db' is neither PNG nor JPEG; convert it, or take it out"
rm train/class-0/Thumbs.db
mkdir train/class-0/000
refused folder.yaml "'train/class-0/000' is a folder in that of a class; move its pictures up"
rmdir train/class-0/000
touch train/readme
refused folder.yaml "'train/readme': Not a directory; data.format: folder wants one with a folder for each class, and nothing"
rm train/readme
refused text.yaml "cannot open 'text.yaml'"

# So is what is another kind of file, or of array.
for kind in idx npy csv; do
  sed "s/train_images: .*/train_images: test/" $kind.yaml >wrong.yaml
  refused wrong.yaml "'test' is a folder; one with a folder of pictures for each class is read with data.format: folder"
done
sed 's/train_images: .*/train_images: train-labels.idx/' idx.yaml >wrong.yaml
refused wrong.yaml "want 0x00000803: an IDX file of bytes with 3 dimensions (images); these are labels"
sed 's/train_labels: .*/train_labels: train.idx/' idx.yaml >wrong.yaml
refused wrong.yaml '; these are images'
sed 's/train_images: .*/train_images: train.csv/' idx.yaml >wrong.yaml
refused wrong.yaml '; what numpy.save() writes is read with data.format: npy'
{ printf '\0\0\015\003'; tail -c +5 train.idx; } >reals.idx
sed 's/train_images: .*/train_images: reals.idx/' idx.yaml >wrong.yaml
refused wrong.yaml '; of other numbers or dimensions make a .npy file, read with data.format: npy'
for head in 'path,class' 'image;label' 'train/class-1/001.png,1'; do
  { echo "$head"; tail -n +2 train.csv; } >wrong.csv
  sed 's/train.csv/wrong.csv/' csv.yaml >wrong.yaml
  refused wrong.yaml "'wrong.csv':1: no column 'image' among the "
  expect_line stderr '; name it so in the first line, with commas between names'
done
{ cat train.csv; echo; } >wrong.csv
refused wrong.yaml "'wrong.csv':92: 1 field, want 2 as in the first line; take the empty line out"

# array TYPE SHAPE BYTES: a .npy file of zeros.
array() {
  printf "\\x93NUMPY\\x01\\x00\\x76\\x00%-117s\\n" "{'descr': '$1', 'fortran_order': False, 'shape': $2, }"
  head -c "$3" /dev/zero
}
images() { # TYPE SHAPE BYTES TEXT
  array "$1" "$2" "$3" >wrong.npy
  sed 's/train.npy/wrong.npy/' npy.yaml >wrong.yaml
  refused wrong.yaml "$4"
}
images '<f2' '(90, 8, 8)' 11520 "values of type '<f2', want little-endian numbers; save it with array.astype('<f4')"
images '>i8' '(90, 8, 8)' 46080 "array.astype('<i8')"
images '|b1' '(90, 8, 8)' 5760 "array.astype('uint8')"
images '<i4' '(90, 8, 8)' 23040 "pixels of type i4, want bytes or floats; save it with array.astype('uint8')"
images '|u1' '(90, 8, 8, 4)' 23040 "4 channels, want 1 to 3 behind height and width; save it with array[..., :3]"
images '|u1' '(90, 3, 8, 8)' 17280 "8 channels, want 1 to 3 behind height and width; save it with array.transpose(0, 2, 3, 1)"
{ array '<u2' '(90, 8, 8)' 11519; printf '\1'; } >wrong.npy
refused wrong.yaml "save it with (array / array.max()).astype('<f4')"
array '<U3' '(90,)' 1080 >wrong.npy
sed 's/train-labels.npy/wrong.npy/' npy.yaml >wrong.yaml
refused wrong.yaml 'save it with numpy.unique(array, return_inverse=True)[1], which numbers its texts'
sed 's/validation: 30/validation_rows: wrong.npy/' npy.yaml >wrong.yaml
array '|b1' '(90,)' 90 >wrong.npy
refused wrong.yaml "want '<i8'; save it with numpy.flatnonzero(array)"
cp own/rows_train.npy wrong.npy
refused wrong.yaml 'data.validation_rows are 90, want 1 to 89'
[ ! -e no/test.npy ]

# A class that no row is of can be meant, and doctor asks.
mkdir train/class-9
sed 's/cache: teachers/cache: fresh/; s/folder.db/fresh.db/' folder.yaml >fresh.yaml
expect_exit 0 "$retort" doctor fresh.yaml
expect_line stdout '1 of 4 have no row to train on, the first is number 3'
rmdir train/class-9
expect_exit 0 "$retort" doctor idx.yaml
[ "$(grep -c 'no row to train on' stdout)" = 0 ]
