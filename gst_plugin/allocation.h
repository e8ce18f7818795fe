// What an in-place element may promise upstream about its buffers.
#pragma once

#include <gst/base/gstbasetransform.h>

namespace stint::gst {

/// Accepts buffers with a GstVideoMeta (any strides and offsets) if downstream does: the element
/// itself reads any layout, but the buffer goes on as it is. Adds to an allocation query from
/// upstream.
void propose_what_downstream_takes(GstBaseTransform* transform, GstQuery* query);

}  // namespace stint::gst
