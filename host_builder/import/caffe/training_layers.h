// Layers that a net for training has and one for inference has not.
#pragma once

#include <string>

namespace stint::builder {

/// Losses and measures: they are left out, with what they compute.
bool is_of_training(const std::string& type);

/// Only takes blobs off the net's outputs, or writes them to a file.
bool only_consumes(const std::string& type);

/// Its first top is what the net is to be given; the others are labels and the like.
bool reads_data_set(const std::string& type);

}  // namespace stint::builder
