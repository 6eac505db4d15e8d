"""The classes of raw images, by ctypes: python3 classify.py student.safetensors <pixels"""
import ctypes
import sys


class Shape(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ("height", "width", "channels", "classes", "int8")]


retort = ctypes.CDLL("libretort.so.0")
retort.retort_shape_of.restype = Shape
student, why = ctypes.c_void_p(), ctypes.create_string_buffer(384)
if retort.retort_open(sys.argv[1].encode(), ctypes.byref(student), why) != 0:
    sys.exit(why.value.decode())
shape = retort.retort_shape_of(student)
size = shape.height * shape.width * shape.channels
logits = (ctypes.c_float * shape.classes)()
while len(pixels := sys.stdin.buffer.read(size)) == size:
    retort.retort_run(student, pixels, 1, logits)
    print(max(range(shape.classes), key=logits.__getitem__))
retort.retort_close(student)
