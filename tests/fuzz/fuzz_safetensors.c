/* Any bytes either are refused in one line that names the file, or are a sound
 * safetensors file; so is any text as the header of a file with 64 bytes of
 * values. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/data/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *data, size_t size) {
  struct rt_err err = {0};

  if (tr_safetensors_check("fuzz.safetensors", data, size, &err) != RT_OK &&
      (err.code == RT_OK || !strstr(err.text, "'fuzz.safetensors'") ||
       strchr(err.text, '\n')))
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t *file = calloc(1, 8 + size + 64);

  if (!file)
    return 0;
  check(data, size);
  for (int i = 0; i < 8; i++)
    file[i] = (uint8_t)((uint64_t)size >> (8 * i));
  if (size > 0)
    memcpy(file + 8, data, size);
  check(file, 8 + size + 64);
  free(file);
  return 0;
}
