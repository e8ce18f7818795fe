#include "gst_plugin/engine/time_source.h"

namespace stint::gst {

TimeSource& TimeSource::system() {
  static TimeSource source;
  return source;
}

}  // namespace stint::gst
