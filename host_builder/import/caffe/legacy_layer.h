// Layers of `layers { type: CONVOLUTION }`, Caffe's form before layers had types by name.
#pragma once

#include "caffe/caffe.pb.h"

namespace stint::builder {

/// The same layer in today's form.
caffe::Layer of_today(const caffe::LegacyLayer& layer);

}  // namespace stint::builder
