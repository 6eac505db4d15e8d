/* The classes of raw images: cc classify.c $(pkg-config --cflags --libs retort) -o classify
 * ./classify student.safetensors <pixels    bytes: height * width * channels an image
 */
#include <retort.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    struct retort_student *student;
    char why[RETORT_TEXT];

    if (argc != 2 || retort_open(argv[1], &student, why) != RETORT_OK)
        return fprintf(stderr, "%s\n", argc == 2 ? why : "usage: classify WEIGHTS <PIXELS"), 1;
    const struct retort_shape s = retort_shape_of(student);
    const size_t bytes = (size_t)s.height * s.width * s.channels;
    uint8_t *pixels = malloc(bytes);
    float *logits = malloc(s.classes * sizeof *logits);

    while (pixels && logits && fread(pixels, 1, bytes, stdin) == bytes) {
        int best = 0;
        retort_run(student, pixels, 1, logits);
        for (int c = 1; c < s.classes; c++)
            best = logits[c] > logits[best] ? c : best;
        printf("%d\n", best);
    }
    free(pixels);
    free(logits);
    retort_close(student);
    return 0;
}
