// File names of a run's results.
#pragma once

#include <string>
#include <vector>

namespace stint::builder {

/// For each tensor a file name of its own that ends with `ending`: every character outside
/// [A-Za-z0-9._-] is written as _, and what is too long for a file name is cut. Names that this
/// leaves as they are keep theirs; where others would become equal to one that is taken, they get
/// _2, _3 and so on in the order of the tensors.
std::vector<std::string> output_file_names(const std::vector<std::string>& tensors,
                                           const std::string& ending = ".npy");

}  // namespace stint::builder
