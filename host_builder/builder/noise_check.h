// Whether a decoder understands its network: what the network gives for a picture of noise must be
// possible values of what the decoder takes it for.
#pragma once

#include <string>

#include "host_builder/frames/insert_decoder.h"

namespace stint::builder {

/// `graph` is as insert_frames left it. Throws BuildError if the values prove the decoder wrong:
/// scores that are no probabilities or went through the function before, boxes in other units or of
/// another form, class ids that are none. Returns a note when the network could not be looked at
/// (too large, or not computable here), else nothing. Throws InternalError where the copy that is
/// evaluated is broken. `unchecked` in the SPEC skips it.
std::string check_decoder_on_noise(const Graph& graph, const InsertedDecoder& decoder);

}  // namespace stint::builder
