#include "core/include/stint/stint.h"

extern "C" {

uint32_t stint_version(void) { return STINT_API_VERSION; }
const char* stint_version_string(void) { return STINT_VERSION_STRING; }

}  // extern "C"
