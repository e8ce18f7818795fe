// The GStreamer plugin `stint`.
#include <gst/gst.h>

#include "gst_plugin/stintinfer.h"

static gboolean plugin_init(GstPlugin* plugin) { return GST_ELEMENT_REGISTER(stintinfer, plugin); }

#define PACKAGE "stint"
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, stint,
                  "Neural network inference with Stint plans", plugin_init, STINT_VERSION,
                  "Apache 2.0", "Stint", "Unknown package origin")
