#include "host_builder/data/output_names.h"

#include <algorithm>
#include <set>

#include "host_builder/support/utf8.h"

namespace stint::builder {
namespace {

constexpr size_t kMaxFileName = 255;  // bytes, Linux

bool is_plain(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

std::string plain(const std::string& tensor) {
  std::string name;
  for (size_t i = 0; i < tensor.size();) {
    name += is_plain(tensor[i]) ? tensor[i] : '_';
    i += std::max<size_t>(utf8_length(tensor, i), 1);
  }
  return name.empty() ? "_" : name;
}

}  // namespace

std::vector<std::string> output_file_names(const std::vector<std::string>& tensors,
                                           const std::string& ending) {
  const auto joined = [&](const std::string& stem, const std::string& number) {
    return stem.substr(0, kMaxFileName - ending.size() - number.size()) + number + ending;
  };
  std::vector<std::string> files(tensors.size());
  std::set<std::string> taken;
  // Who asks for a tensor by its very name finds that tensor and no other.
  for (size_t i = 0; i < tensors.size(); ++i) {
    const std::string file = tensors[i] + ending;
    if (joined(plain(tensors[i]), "") == file && taken.insert(file).second) files[i] = file;
  }
  for (size_t i = 0; i < tensors.size(); ++i) {
    const std::string stem = plain(tensors[i]);
    for (size_t number = 1; files[i].empty(); ++number) {
      const std::string file = joined(stem, number == 1 ? "" : "_" + std::to_string(number));
      if (taken.insert(file).second) files[i] = file;
    }
  }
  return files;
}

}  // namespace stint::builder
