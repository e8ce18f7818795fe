#include "gst_plugin/allocation.h"

#include <gst/video/gstvideometa.h>

namespace stint::gst {

void propose_what_downstream_takes(GstBaseTransform* transform, GstQuery* query) {
  GstCaps* caps = nullptr;
  gst_query_parse_allocation(query, &caps, nullptr);
  if (!caps || gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr)) return;
  GstQuery* downstream = gst_query_new_allocation(caps, FALSE);
  if (gst_pad_peer_query(GST_BASE_TRANSFORM_SRC_PAD(transform), downstream) &&
      gst_query_find_allocation_meta(downstream, GST_VIDEO_META_API_TYPE, nullptr)) {
    gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr);
  }
  gst_query_unref(downstream);
}

}  // namespace stint::gst
