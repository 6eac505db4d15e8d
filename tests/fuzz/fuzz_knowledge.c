/* Any bytes either are refused in one line that names the file, or are a
 * knowledge cache; also when both checksums are made to fit, so that what lies
 * behind them is reached. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/teachers/knowledge.h"

enum {
  page = 4096,
  values_at =
      32 + RT_HASH_TEXT + TR_MAX_TEACHERS * (RT_HASH_TEXT + TR_TEACHER_NAME),
  self_at = values_at + RT_HASH_TEXT
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *data, size_t size) {
  struct rt_err err = {0};

  if (tr_knowledge_check("fuzz.rtk", data, size, &err) != RT_OK &&
      (err.code == RT_OK || !strstr(err.text, "'fuzz.rtk'") ||
       strchr(err.text, '\n')))
    abort();
}

/* The first 24 bytes go behind the magic: version, value type, K, C, N; the
 * rest are values. */
static void check_mended(const uint8_t *data, size_t size) {
  const size_t bytes = size - 24;
  uint8_t *file = calloc(1, page + bytes);

  if (!file)
    return;
  memcpy(file, "RTKNOW\r\n", 8);
  memcpy(file + 8, data, 24);
  if (bytes > 0)
    memcpy(file + page, data + 24, bytes);
  rt_hash_bytes(file + page, bytes, (char *)file + values_at);
  rt_hash_bytes(file, self_at, (char *)file + self_at);
  check(file, page + bytes);
  free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  check(data, size);
  if (size >= 24)
    check_mended(data, size);
  return 0;
}
