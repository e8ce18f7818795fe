#include "host_builder/lowering/cpu/families.h"

namespace stint::builder {

const std::vector<const Family*>& cpu_families() {
  static const std::vector<const Family*> families = {
#define STINT_FAMILY(name) &k##name##Family,
      STINT_CPU_FAMILIES(STINT_FAMILY)
#undef STINT_FAMILY
  };
  return families;
}

}  // namespace stint::builder
