/* A program in plain C99: every struct begins with its macro, every function can be named, and the
 * first calls that need no plan answer as the header says. Compiled with -pedantic -Werror. */
#include <stdio.h>
#include <string.h>

#include "stint/stint.h"

#define CHECK(condition)                                             \
  do {                                                               \
    if (!(condition)) {                                              \
      fprintf(stderr, "FAILED line %d: %s\n", __LINE__, #condition); \
      return 1;                                                      \
    }                                                                \
  } while (0)

/* Sizes are part of the interface: 64-bit hosts. A change here breaks programs that were compiled
 * before; new members go to the end and change what is below in that order only. */
static int check_sizes(void) {
  if (sizeof(void*) != 8) return 0;
  CHECK(sizeof(stint_status) == 40);
  CHECK(sizeof(stint_plan) == 64);
  CHECK(sizeof(stint_program) == 96);
  CHECK(sizeof(stint_options) == 24);
  CHECK(sizeof(stint_requirements) == 8 + STINT_MAX_SPACES * 16);
  CHECK(sizeof(stint_memory) == 8 + STINT_MAX_SPACES * 16);
  CHECK(sizeof(stint_target_info) == 32);
  CHECK(sizeof(stint_program_info) == 24);
  CHECK(sizeof(stint_binding_info) == 120);
  CHECK(sizeof(stint_image) == 80);
  CHECK(sizeof(stint_detection) == 24);
  CHECK(sizeof(stint_detection_list) == 24);
  CHECK(sizeof(stint_cuda_device_info) == 152);
  CHECK(sizeof(stint_cuda_memory) == 40);
  CHECK(sizeof(stint_step_profile) == 40);
  CHECK(sizeof(stint_code) == 4 && sizeof(stint_space) == 4); /* as uint32_t fields hold them */
  return 0;
}

static int check_inits(void) {
  const stint_options options = STINT_OPTIONS_INIT;
  const stint_requirements need = STINT_REQUIREMENTS_INIT;
  const stint_memory memory = STINT_MEMORY_INIT;
  const stint_target_info target = STINT_TARGET_INFO_INIT;
  const stint_program_info program = STINT_PROGRAM_INFO_INIT;
  const stint_binding_info binding = STINT_BINDING_INFO_INIT;
  const stint_image image = STINT_IMAGE_INIT;
  const stint_detection_list list = STINT_DETECTION_LIST_INIT;
  const stint_cuda_device_info device = STINT_CUDA_DEVICE_INFO_INIT;
  const stint_cuda_memory cuda = STINT_CUDA_MEMORY_INIT;
  CHECK(options.struct_size == sizeof options && options.frame_bytes == 0);
  CHECK(need.struct_size == sizeof need && need.space[STINT_MAX_SPACES - 1].bytes == 0);
  CHECK(memory.struct_size == sizeof memory && memory.space[STINT_SPACE_IO].data == NULL);
  CHECK(target.struct_size == sizeof target && program.struct_size == sizeof program);
  CHECK(binding.struct_size == sizeof binding && binding.shape[7] == 0);
  CHECK(image.struct_size == sizeof image && image.planes[2] == NULL && image.reserved == 0);
  CHECK(list.struct_size == sizeof list && list.count == 0);
  CHECK(device.struct_size == sizeof device && device.name[0] == 0);
  CHECK(cuda.struct_size == sizeof cuda && cuda.data == NULL);
  return 0;
}

static int check_calls(void) {
  static unsigned char nothing[256];
  stint_plan plan;
  stint_program program;
  stint_engine* engine = NULL;
  stint_session* session = NULL;
  stint_memory memory = STINT_MEMORY_INIT;
  stint_requirements need = STINT_REQUIREMENTS_INIT;
  uint32_t count = 0;
  const stint_status status = stint_plan_open(nothing, sizeof nothing, &plan);
  CHECK(status.code == STINT_NOT_A_PLAN);
  CHECK(strcmp(stint_status_name(status.code), "not-a-plan") == 0);
  CHECK(strcmp(stint_detail_name(STINT_DETAIL_STEP), "step") == 0);
  CHECK(stint_version() == STINT_API_VERSION);
  CHECK(strcmp(stint_version_string(), STINT_VERSION_STRING) == 0);
  CHECK(strcmp(stint_plan_name(&plan), "") == 0 && stint_plan_label_count(&plan) == 0);
  CHECK(stint_plan_target_count(&plan, &count).code == STINT_INVALID_ARGUMENT);
  CHECK(stint_plan_program(&plan, NULL, 1, &program).code == STINT_INVALID_ARGUMENT);
  CHECK(stint_program_requirements(&program, NULL, &need).code == STINT_INVALID_ARGUMENT);
  CHECK(stint_engine_create(&plan, NULL, NULL, &memory, &engine).code == STINT_INVALID_ARGUMENT);
  CHECK(stint_session_create(engine, &program, NULL, &memory, &session).code ==
        STINT_INVALID_ARGUMENT);
  CHECK(stint_run(session).code == STINT_INVALID_ARGUMENT);
  stint_session_destroy(session);
  CHECK(stint_engine_destroy(engine).code == STINT_OK);
  return 0;
}

int main(void) { return check_sizes() || check_inits() || check_calls() ? 1 : 0; }
