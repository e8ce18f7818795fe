/* The smallest program that uses the whole runtime: what an embedded product links. Its stripped
 * size is a promise; it takes the plan on standard input and its memory from static blocks. */
#include <unistd.h>

#include "core/include/stint/stint.h"

static unsigned char file_bytes[1 << 20] __attribute__((aligned(64)));
static unsigned char blocks[3][1 << 20] __attribute__((aligned(4096)));

int main(void) {
  uint64_t size = 0;
  for (ssize_t n = 1; n > 0 && size < sizeof file_bytes; size += (uint64_t)n) {
    n = read(0, file_bytes + size, sizeof file_bytes - size);
    if (n < 0) return 1;
  }
  stint_plan plan;
  stint_requirements need;
  const stint_options options = {2, 0, 0, 0, 0};
  if (stint_plan_open(file_bytes, size, &plan).code != STINT_OK) return 2;
  if (stint_plan_requirements(&plan, 0, 1, &options, &need).code != STINT_OK) return 3;
  const stint_memory memory = {{{blocks[0], sizeof blocks[0]},
                                {blocks[1], sizeof blocks[1]},
                                {blocks[2], sizeof blocks[2]},
                                {0, 0}}};
  stint_session* session = 0;
  if (stint_session_create(&plan, 0, 1, &options, &memory, &session).code != STINT_OK) return 4;
  stint_image image = {{file_bytes, 0, 0}, {64, 0, 0}, 8, 8, STINT_FORMAT_GRAY8, 0, 0, 0, 0, 0, 0};
  const stint_status bound = stint_bind_image(session, 0, 0, &image);
  const stint_status status = stint_run(session);
  const stint_detection* detections = 0;
  uint32_t count = 0;
  const stint_status found = stint_detections(session, 0, &detections, &count);
  stint_session_destroy(session);
  return bound.code != STINT_OK || status.code != STINT_OK || found.code != STINT_OK ? 5 : 0;
}
