// The GStreamer plugin `stint`.
#include <gst/gst.h>

#include "gst_plugin/debug.h"
#include "gst_plugin/stintinfer.h"
#include "gst_plugin/stintjson.h"
#include "gst_plugin/stintoverlay.h"

GST_DEBUG_CATEGORY(stint_debug);

static gboolean plugin_init(GstPlugin* plugin) {
  GST_DEBUG_CATEGORY_INIT(stint_debug, "stint", 0, "Stint's elements");
  return GST_ELEMENT_REGISTER(stintinfer, plugin) && GST_ELEMENT_REGISTER(stintjson, plugin) &&
         GST_ELEMENT_REGISTER(stintoverlay, plugin);
}

#define PACKAGE "stint"
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, stint,
                  "Neural network inference with Stint plans", plugin_init, STINT_VERSION,
                  "Apache 2.0", "Stint", "Unknown package origin")
