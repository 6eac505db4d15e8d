# Data and recorded logits that are not what they should be: one line that names the file.
. "$project/tests/cli/toy.bash"
toy_data
toy_study >toy.yaml

refused() { # TEXT
  rm -rf teachers toy.db*
  expect_exit 1 "$retort" search toy.yaml
  expect_one_line stderr
  expect_line stderr "retort search: error: $1"
}

cp train-images images
cp train-labels labels
rm train-images
refused "cannot open 'train-images'"
head -c 4000 images >train-images
refused "'train-images' is truncated"
: >train-images
refused "'train-images' is truncated"
{ printf '\0\0\015\003'; tail -c +5 images; } >train-images
refused "'train-images' begins with magic 0x00000d03, want 0x00000803"
echo 'this is a text and no image of anything' >train-images
refused "'train-images' "
gzip -c images >images.gz
head -c 500 images.gz >train-images
refused "'train-images' "
printf '\037\213 no gzip behind its magic' >train-images
refused "'train-images' cannot be unpacked"
{ cat images; echo more; } >train-images
refused "'train-images' goes on after"
cp images train-images

toy_labels 80 >train-labels
refused "'train-images' has 90 images but 'train-labels' has 80 labels"
cp images train-labels
refused "'train-labels' begins with magic"
cp labels train-labels
toy_study | sed 's/validation: 30/&\n  classes: 2/' >toy.yaml
refused "'train-labels' has label 2 at row 2, but data.classes is 2"
toy_study | sed 's/validation: 30/validation: 90/' >toy.yaml
expect_exit 1 "$retort" search toy.yaml
expect_one_line stderr

# gzip'd and plain files are the same data
gzip -c images >train-images
toy_study >toy.yaml
expect_exit 0 "$retort" search toy.yaml --trials 3
cp images train-images
expect_exit 0 "$retort" search toy.yaml --trials 4

one='\x00\x00\x80\x3f' nan='\x00\x00\xc0\x7f' infinity='\x00\x00\x80\x7f'
toy_study | sed 's/      train: {.*/      logits: {train: logits.npy}/' >toy.yaml
refused "cannot open 'logits.npy'"
toy_npy 80 3 $one >logits.npy
refused "'logits.npy' has logits for 80 examples but the data has 90"
toy_npy 90 4 $one >logits.npy
refused "'logits.npy' has 4 classes but the data has 3"
toy_npy 90 3 $one >whole.npy
head -c 500 whole.npy >logits.npy
refused "'logits.npy' holds 372 bytes of values"
echo 'no array' >logits.npy
refused "'logits.npy' is not a .npy file"
toy_npy 90 3 $nan >logits.npy
refused "'logits.npy' has a logit that is not finite at example 0, class 0"
toy_npy 90 3 $infinity >logits.npy
refused "'logits.npy' has a logit that is not finite at example 0, class 0"
toy_npy 90 3 $one >logits.npy
rm -rf teachers toy.db*
expect_exit 0 "$retort" search toy.yaml

# a cache of other logits, and a damaged one
toy_npy 90 3 '\x00\x00\x00\x40' >logits.npy
expect_exit 1 "$retort" search toy.yaml --db other.db
expect_one_line stderr
expect_line stderr "'teachers/knowledge.rtk' was made from another teacher 'one'"
toy_npy 90 3 $one >logits.npy
printf x | dd of=teachers/knowledge.rtk bs=1 seek=4100 conv=notrunc 2>/dev/null
expect_exit 1 "$retort" search toy.yaml --db other.db
expect_one_line stderr
expect_line stderr "'teachers/knowledge.rtk'"
