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
  fprintf(stderr, "%s: %s: %s (found %" PRId64 ", needed %" PRId64 ")", what,
          stint_status_name(status.code), status.message, status.found, status.needed);
  if (status.detail_kind != STINT_DETAIL_NONE)
    fprintf(stderr, " [%s %u]", stint_detail_name(status.detail_kind), status.detail);
  fprintf(stderr, "\n");
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

static int bind_inputs(const stint_program* program, stint_session* session,
                       const stint_image* frame) {
  stint_program_info about = STINT_PROGRAM_INFO_INIT;
  if (failed("program", stint_program_describe(program, &about))) return 0;
  for (uint32_t i = 0; i < about.input_count; ++i) {
    stint_binding_info info = STINT_BINDING_INFO_INIT;
    if (failed("input", stint_program_input(program, i, &info))) return 0;
    if (info.kind == STINT_BINDING_IMAGE) {
      for (uint32_t slot = 0; slot < about.batch; ++slot) {
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

static int print_outputs(const stint_program* program, stint_session* session) {
  stint_program_info about = STINT_PROGRAM_INFO_INIT;
  if (failed("program", stint_program_describe(program, &about))) return 0;
  for (uint32_t i = 0; i < about.output_count; ++i) {
    stint_binding_info info = STINT_BINDING_INFO_INIT;
    if (failed("output", stint_program_output(program, i, &info))) return 0;
    printf("output %s: %" PRIu64 " bytes", info.name, info.bytes);
    const float* values = stint_output_data(session, i);
    for (uint64_t k = 0; info.dtype == STINT_DTYPE_F32 && k < 5 && k < info.bytes / sizeof(float);
         ++k) {
      printf(" %g", (double)values[k]);
    }
    printf("\n");
  }
  return 1;
}

static void print_detections(const stint_plan* plan, const stint_session* session) {
  stint_detection_list found = STINT_DETECTION_LIST_INIT;
  if (stint_detections(session, 0, &found).code != STINT_OK) return; /* not a detector */
  printf("%u detections\n", found.count);
  for (uint32_t i = 0; i < found.count; ++i) {
    const stint_detection* d = stint_detection_at(&found, i);
    printf("  %s %.3f [%.1f %.1f %.1f %.1f]\n", stint_plan_label(plan, (uint32_t)d->class_id),
           (double)d->score, (double)d->x1, (double)d->y1, (double)d->x2, (double)d->y2);
  }
}

/* Gives every space what it needs, from the heap; a static array, or a part of a larger block,
 * would do as well. 0 with a message if there is not enough. */
static int give_memory(const char* what, const stint_requirements* need, stint_memory* memory) {
  for (int i = 0; i < STINT_MAX_SPACES; ++i) {
    const uint64_t alignment = need->space[i].alignment;
    const uint64_t bytes = (need->space[i].bytes + alignment - 1) / alignment * alignment;
    if (bytes == 0) continue;
    printf("%s, memory space %d: %" PRIu64 " bytes\n", what, i, need->space[i].bytes);
    memory->space[i].data = aligned_alloc(alignment, bytes);
    memory->space[i].bytes = bytes;
    if (memory->space[i].data == NULL) {
      fprintf(stderr, "not enough memory\n");
      return 0;
    }
  }
  return 1;
}

static void take_memory(stint_memory* memory) {
  for (int i = 0; i < STINT_MAX_SPACES; ++i) free(memory->space[i].data);
}

/* One session of an engine; there could be more, of other batch sizes or for other threads. */
static int run_session(const stint_plan* plan, stint_engine* engine, uint32_t batch,
                       const stint_options* options, const stint_image* frame) {
  stint_program program;
  stint_requirements need = STINT_REQUIREMENTS_INIT;
  stint_memory memory = STINT_MEMORY_INIT;
  stint_session* session = NULL;
  const int ok =
      !failed("program", stint_plan_program(plan, NULL, batch, &program)) &&
      !failed("requirements", stint_program_requirements(&program, options, &need)) &&
      give_memory("session", &need, &memory) &&
      !failed("session", stint_session_create(engine, &program, options, &memory, &session)) &&
      bind_inputs(&program, session, frame) && !failed("run", stint_run(session)) &&
      print_outputs(&program, session);
  if (ok) print_detections(plan, session);
  stint_session_destroy(session);
  take_memory(&memory);
  return ok;
}

static int run(const stint_plan* plan, const stint_image* frame) {
  uint32_t batch = 1, count = 0;
  if (failed("batch sizes", stint_plan_batches(plan, NULL, &batch, 1, &count))) return 1;
  stint_options options = STINT_OPTIONS_INIT;
  options.threads = 2;
  stint_requirements need = STINT_REQUIREMENTS_INIT;
  stint_memory memory = STINT_MEMORY_INIT;
  stint_engine* engine = NULL;
  const int ok = !failed("requirements", stint_engine_requirements(plan, NULL, &options, &need)) &&
                 give_memory("engine", &need, &memory) &&
                 !failed("engine", stint_engine_create(plan, NULL, &options, &memory, &engine)) &&
                 run_session(plan, engine, batch, &options, frame);
  stint_engine_destroy(engine);
  take_memory(&memory);
  return ok ? 0 : 1;
}

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    fprintf(stderr, "usage: %s PLAN [FRAME.ppm]\n", argv[0]);
    return 2;
  }
  static unsigned char grey[64 * 64 * 3];
  memset(grey, 128, sizeof grey);
  stint_image frame = STINT_IMAGE_INIT;
  frame.planes[0] = grey;
  frame.strides[0] = 64 * 3;
  frame.width = frame.height = 64;
  frame.format = STINT_FORMAT_RGB;
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
