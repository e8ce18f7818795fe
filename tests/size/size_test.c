/* The smallest program that uses the whole runtime: what an embedded product links. Its stripped
 * size is a promise; it takes the plan on standard input and its memory from static blocks. */
#include <unistd.h>

#include "core/include/stint/stint.h"

static unsigned char file_bytes[1 << 20] __attribute__((aligned(64)));
static unsigned char blocks[4][1 << 20] __attribute__((aligned(4096)));

int main(void) {
  uint64_t size = 0;
  for (ssize_t n = 1; n > 0 && size < sizeof file_bytes; size += (uint64_t)n) {
    n = read(0, file_bytes + size, sizeof file_bytes - size);
    if (n < 0) return 1;
  }
  stint_plan plan;
  stint_program program;
  stint_options options = STINT_OPTIONS_INIT;
  stint_requirements need = STINT_REQUIREMENTS_INIT;
  stint_memory memory = STINT_MEMORY_INIT;
  stint_engine* engine = 0;
  stint_session* session = 0;
  options.threads = 2;
  if (stint_plan_open(file_bytes, size, &plan).code != STINT_OK) return 2;
  memory.space[STINT_SPACE_HOST].data = blocks[3];
  memory.space[STINT_SPACE_HOST].bytes = sizeof blocks[3];
  if (stint_engine_requirements(&plan, 0, &options, &need).code != STINT_OK) return 3;
  if (stint_engine_create(&plan, 0, &options, &memory, &engine).code != STINT_OK) return 4;
  if (stint_plan_program(&plan, 0, 1, &program).code != STINT_OK) return 5;
  if (stint_program_requirements(&program, &options, &need).code != STINT_OK) return 6;
  for (int i = 0; i < 3; ++i) {
    memory.space[i].data = blocks[i];
    memory.space[i].bytes = sizeof blocks[i];
  }
  if (stint_session_create(engine, &program, &options, &memory, &session).code != STINT_OK)
    return 7;
  stint_image image = STINT_IMAGE_INIT;
  image.format = STINT_FORMAT_GRAY8;
  image.planes[0] = file_bytes;
  image.strides[0] = 64;
  image.width = image.height = 8;
  const stint_status bound = stint_bind_image(session, 0, 0, &image);
  const stint_status status = stint_run(session);
  stint_detection_list list = STINT_DETECTION_LIST_INIT;
  const stint_status found = stint_detections(session, 0, &list);
  stint_session_destroy(session);
  stint_engine_destroy(engine);
  return bound.code != STINT_OK || status.code != STINT_OK || found.code != STINT_OK ? 8 : 0;
}
