#include "host_builder/support/error.h"

namespace stint::builder {

void Findings::raise(const std::string& headline) const {
  if (texts_.empty()) return;
  std::string message = headline;
  for (const std::string& text : texts_) message += "\n  - " + text;
  throw BuildError(message);
}

}  // namespace stint::builder
