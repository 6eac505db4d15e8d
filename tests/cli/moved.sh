# A study that is copied or moved finds its data, logits and teachers where it is now.
. "$project/tests/cli/toy.bash"
mkdir one
cd one || exit 1
toy_data
toy_study | sed 's/trials: 12/trials: 3/' >toy.yaml
expect_exit 0 "$retort" search toy.yaml
[ "$(sqlite3 toy.db "select settings ->> 'study' from study")" = toy.yaml ]
cd ..

# the whole folder, from elsewhere; the old one has other data now
cp -r one two
toy_labels 90 >one/train-labels
echo nonsense >one/train-images
expect_exit 0 "$retort" distill two/toy.db 1 --steps 5
mv one lost
expect_exit 0 "$retort" distill two/toy.db 1 --steps 5

# the database alone: say what is missing, and take the study from where it is named
mkdir alone && cp two/toy.db alone
expect_exit 1 "$retort" distill alone/toy.db 1 --steps 5
expect_one_line stderr
expect_line stderr 'alone/train-images'
expect_line stderr "if the study's files are elsewhere, give --study FILE"
expect_exit 0 "$retort" distill alone/toy.db 1 --steps 5 --study two/toy.yaml

# study and database in folders beside each other, moved together
mkdir -p here/studies && cp two/toy.yaml two/*-images two/*-labels here/studies
expect_exit 0 "$retort" search here/studies/toy.yaml --db here/results/night/toy.db
[ "$(sqlite3 here/results/night/toy.db "select settings ->> 'study' from study")" = ../../studies/toy.yaml ]
mv here there
expect_exit 0 "$retort" distill there/results/night/toy.db 1 --steps 5
rm -r there/studies
expect_exit 1 "$retort" distill there/results/night/toy.db 1 --steps 5
expect_one_line stderr
expect_line stderr "studies/toy.yaml' is not there, from which the study"

# a database of an earlier version has the absolute path
cp -r two old
sqlite3 old/toy.db "update study set settings = json_set(settings, '\$.study', '$PWD/two/toy.yaml')"
rm old/train-images
expect_exit 0 "$retort" distill old/toy.db 1 --steps 5
