"""A classifier of scikit-learn as a teacher of images. In the study:

    - name: forest
      command: [python3, sklearn_teacher.py, forest.joblib]

forest.joblib is as joblib.dump(classifier, ..) wrote it: load only what you trust, since it is a program.
It was fitted on images.reshape(n, -1) / 255 and the numbers of the classes, 0 upwards, such as
`retort data STUDY --export DIR` writes them.
"""
import sys

import joblib
import numpy

model, images, logits = sys.argv[1:]
classifier = joblib.load(model)
rows = numpy.load(images).astype(numpy.float32)
rows = rows.reshape(len(rows), -1) / 255
if hasattr(classifier, "decision_function") and not hasattr(classifier, "predict_proba"):
    said = classifier.decision_function(rows)  # no probabilities, but they grow with them
else:
    said = numpy.log(numpy.clip(classifier.predict_proba(rows), 1e-4, 1))
numpy.save(logits, numpy.asarray(said, numpy.float32))
