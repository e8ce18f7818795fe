#include "host_builder/import/onnx/source_hash.h"

#include <fstream>

#include "host_builder/import/onnx/external_data.h"
#include "host_builder/import/onnx/model_file.h"
#include "host_builder/network/import_findings.h"

namespace stint::builder {
namespace {

Sha256Digest hash_of_file(const std::string& location, const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  Sha256 hash;
  std::vector<std::byte> piece(size_t{1} << 20);
  while (stream) {
    stream.read(reinterpret_cast<char*>(piece.data()), static_cast<std::streamsize>(piece.size()));
    hash.add({piece.data(), static_cast<size_t>(stream.gcount())});
  }
  if (!stream.eof())
    throw FileRefusal(location, "cannot be read", "check its permissions, or copy it again");
  return hash.digest();
}

}  // namespace

SourceHash source_hash(std::span<const std::byte> model, const ExternalFolders& folders) {
  SourceHash result{sha256(model), external_locations(parse_model(model))};
  if (result.files.empty()) return result;
  Sha256 all;
  all.add(std::as_bytes(std::span(result.digest)));
  for (const std::string& location : result.files) {
    try {
      const Sha256Digest digest = hash_of_file(location, find_external(location, folders).path);
      all.add(std::as_bytes(std::span(digest)));
    } catch (const BuildError& error) {
      throw BuildError("external data '" + location + "': " + error.what());
    }
  }
  result.digest = all.digest();
  return result;
}

std::string hash_text(const Sha256Digest& digest) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace stint::builder
