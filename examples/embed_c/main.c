/* Embedding Stint in C: every byte of memory is this program's own, and it is known before anything
 * runs.
 *
 *   embed_c PLAN [FRAME.ppm]
 *
 * Runs the plan's first batch size once on the CPU. An image input gets the frame (binary PPM, 8
 * bits), or a grey one; tensor inputs get a ramp. Prints the memory it needed, the first values of
 * every output, and the detections. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stint/stint.h"

/* Prints a failed status; the caller decides what to do. */
static int failed(const char* what, stint_status status) {
  if (status.code == STINT_OK) return 0;
  fprintf(stderr, "%s: %s: %s (found %" PRId64 ", needed %" PRId64 ")\n", what,
          stint_status_name(status.code), status.message, status.found, status.needed);
  return 1;
}

/* A whole file in 64-byte aligned memory; mapping it would do as well. NULL with a message if it
 * cannot be read. */
static void* read_file(const char* path, uint64_t* size) {
  FILE* file = fopen(path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
    perror(path);
    if (file != NULL) fclose(file);
    return NULL;
  }
  const long end = ftell(file);
  rewind(file);
  void* data = end <= 0 ? NULL : aligned_alloc(64, ((size_t)end + 63) / 64 * 64);
  if (data == NULL || fread(data, 1, (size_t)end, file) != (size_t)end) {
    fprintf(stderr, "%s: cannot be read, or is empty\n", path);
    free(data);
    data = NULL;
  }
  fclose(file);
  *size = data == NULL ? 0 : (uint64_t)end;
  return data;
}

/* The pixels of a PPM file inside its bytes; 0 if it is none. */
static int parse_ppm(const char* bytes, uint64_t size, stint_image* image) {
  unsigned width = 0, height = 0, maximum = 0;
  int pixels = 0;
  char head[64] = {0};
  memcpy(head, bytes, size < sizeof head - 1 ? size : sizeof head - 1);
  if (sscanf(head, "P6 %u %u %u%n", &width, &height, &maximum, &pixels) != 3 || maximum != 255)
    return 0;
  if (width == 0 || height == 0 || width > 32768 || height > 32768) return 0;
  if (size < (uint64_t)pixels + 1 + (uint64_t)width * height * 3) return 0;
  image->planes[0] = bytes + pixels + 1;
  image->strides[0] = (int32_t)(width * 3);
  image->width = width;
  image->height = height;
  image->format = STINT_FORMAT_RGB;
  return 1;
}

static int bind_inputs(const stint_plan* plan, uint32_t batch, stint_session* session,
                       const stint_image* frame) {
  for (uint32_t i = 0; i < stint_plan_input_count(plan, NULL, batch); ++i) {
    stint_binding_info info;
    if (failed("input", stint_plan_input(plan, NULL, batch, i, &info))) return 0;
    if (info.kind == STINT_BINDING_IMAGE) {
      for (uint32_t slot = 0; slot < batch; ++slot) {
        if (failed("binding the frame", stint_bind_image(session, i, slot, frame))) return 0;
      }
    } else if (info.dtype == STINT_DTYPE_F32) {
      float* values = stint_input_data(session, i);
      for (uint64_t k = 0; k < info.bytes / sizeof(float); ++k)
        values[k] = (float)(k % 256) / 255.0f;
    } else {
      memset(stint_input_data(session, i), 0, info.bytes);
    }
  }
  return 1;
}

static int print_outputs(const stint_plan* plan, uint32_t batch, stint_session* session) {
  for (uint32_t i = 0; i < stint_plan_output_count(plan, NULL, batch); ++i) {
    stint_binding_info info;
    if (failed("output", stint_plan_output(plan, NULL, batch, i, &info))) return 0;
    printf("output %s: %" PRIu64 " bytes", info.name, info.bytes);
    const float* values = stint_output_data(session, i);
    for (uint64_t k = 0; info.dtype == STINT_DTYPE_F32 && k < 5 && k < info.bytes / sizeof(float);
         ++k) {
      printf(" %g", (double)values[k]);
    }
    printf("\n");
  }
  const stint_detection* found = NULL;
  uint32_t count = 0;
  if (stint_detections(session, 0, &found, &count).code != STINT_OK) return 1; /* not a detector */
  printf("%u detections\n", count);
  for (uint32_t i = 0; i < count; ++i) {
    printf("  %s %.3f [%.1f %.1f %.1f %.1f]\n", stint_plan_label(plan, (uint32_t)found[i].class_id),
           (double)found[i].score, (double)found[i].x1, (double)found[i].y1, (double)found[i].x2,
           (double)found[i].y2);
  }
  return 1;
}

static int run(const stint_plan* plan, const stint_image* frame) {
  uint32_t batch = 1;
  if (stint_plan_batches(plan, NULL, &batch, 1) == 0) {
    fprintf(stderr, "the plan has no variant for the CPU\n");
    return 1;
  }
  const stint_options options = {2, 0, 0, 0, 0}; /* two threads, no profile */
  stint_requirements need;
  if (failed("requirements", stint_plan_requirements(plan, NULL, batch, &options, &need))) return 1;
  stint_memory memory;
  memset(&memory, 0, sizeof memory);
  int ok = 1;
  for (int i = 0; i < STINT_SPACE_COUNT; ++i) {
    const uint64_t alignment = need.space[i].alignment;
    const uint64_t bytes = (need.space[i].bytes + alignment - 1) / alignment * alignment;
    printf("memory space %d: %" PRIu64 " bytes\n", i, need.space[i].bytes);
    if (bytes == 0) continue;
    memory.space[i].data =
        aligned_alloc(alignment, bytes); /* or a static array, or a part of a larger block */
    memory.space[i].bytes = bytes;
    ok = ok && memory.space[i].data != NULL;
  }
  if (!ok) fprintf(stderr, "not enough memory\n");
  stint_session* session = NULL;
  ok = ok &&
       !failed("create", stint_session_create(plan, NULL, batch, &options, &memory, &session)) &&
       bind_inputs(plan, batch, session, frame) && !failed("run", stint_run(session)) &&
       print_outputs(plan, batch, session);
  stint_session_destroy(session);
  for (int i = 0; i < STINT_SPACE_COUNT; ++i) free(memory.space[i].data);
  return ok ? 0 : 1;
}

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    fprintf(stderr, "usage: %s PLAN [FRAME.ppm]\n", argv[0]);
    return 2;
  }
  static unsigned char grey[64 * 64 * 3];
  memset(grey, 128, sizeof grey);
  stint_image frame = {
      {grey, NULL, NULL}, {64 * 3, 0, 0}, 64, 64, STINT_FORMAT_RGB, 0, 0, 0, 0, 0, 0};
  uint64_t frame_size = 0, plan_size = 0;
  void* frame_bytes = argc == 3 ? read_file(argv[2], &frame_size) : NULL;
  if (argc == 3 && (frame_bytes == NULL || !parse_ppm(frame_bytes, frame_size, &frame))) {
    fprintf(stderr, "%s: not a binary PPM with 8 bits per channel\n", argv[2]);
    free(frame_bytes);
    return 1;
  }
  int result = 1;
  void* plan_bytes = read_file(argv[1], &plan_size);
  stint_plan plan;
  if (plan_bytes != NULL && !failed(argv[1], stint_plan_open(plan_bytes, plan_size, &plan)))
    result = run(&plan, &frame);
  free(plan_bytes);
  free(frame_bytes);
  return result;
}
