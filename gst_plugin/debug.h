// GST_DEBUG=stint:5 shows what the elements log. Included after GStreamer, by sources only.
#pragma once

#include <gst/gst.h>

GST_DEBUG_CATEGORY_EXTERN(stint_debug);
#define GST_CAT_DEFAULT stint_debug
