#include "host_builder/import/source.h"

#include <new>

#include "host_builder/network/findings.h"
#include "host_builder/support/read_file.h"

namespace stint::builder {
namespace {

SourceFile read(const std::filesystem::path& path, std::string note = {}) {
  SourceFile file{path, read_file(path), {}, std::move(note)};
  file.digest = sha256(file.bytes);
  return file;
}

}  // namespace

Source Source::of_file(const std::filesystem::path& model,
                       const std::vector<std::filesystem::path>& more) {
  Source source;
  source.given_.push_back(read(model));
  for (const std::filesystem::path& path : more) source.given_.push_back(read(path));
  return source;
}

Source Source::of_bytes(std::span<const std::byte> model,
                        const std::vector<std::span<const std::byte>>& more) {
  Source source;
  const auto give = [&](std::span<const std::byte> bytes) {
    source.given_.push_back({{}, {bytes.begin(), bytes.end()}, sha256(bytes), {}});
  };
  give(model);
  for (const std::span<const std::byte> bytes : more) give(bytes);
  return source;
}

const SourceFile* Source::find(const std::string& name) const {
  const auto found = named_.find(name);
  return found == named_.end() ? nullptr : &found->second;
}

const SourceFile& Source::load(const std::string& name, const std::filesystem::path& path,
                               std::string note) {
  if (const SourceFile* known = find(name)) return *known;
  try {
    return named_.emplace(name, read(path, std::move(note))).first->second;
  } catch (const std::bad_alloc&) {
    throw FileRefusal(name, "does not fit into memory", "build on a machine with more memory");
  } catch (const BuildError&) {
    throw FileRefusal(name, "cannot be read", "check its permissions, or copy it again");
  }
}

Sha256Digest Source::digest() const {
  if (given_.size() == 1 && named_.empty()) return given_.front().digest;
  Sha256 all;
  for (const SourceFile& file : given_) all.add(std::as_bytes(std::span(file.digest)));
  for (const auto& [name, file] : named_) all.add(std::as_bytes(std::span(file.digest)));
  return all.digest();
}

}  // namespace stint::builder
