#include "host_builder/import/importer.h"

#include "host_builder/import/format.h"
#include "host_builder/import/onnx/onnx.h"
#include "host_builder/support/in_context.h"

namespace stint::builder {
namespace {

/// Asked in this order. Protobuf messages have no mark of their own: what no other format knows is
/// taken for ONNX, whose importer says what is wrong with it.
constexpr const Format* kFormats[] = {
    &kOnnxFormat,
};

const Format& format_of(const Source& source) {
  for (const Format* format : kFormats)
    if (format->is(source.bytes())) return *format;
  return kOnnxFormat;
}

}  // namespace

Graph import_model(Source& source, const ImportOptions& options) {
  return format_of(source).import(source, options);
}

Graph import_model(const std::filesystem::path& model, const ImportOptions& options) {
  Source source = Source::of_file(model);
  return import_model(source, options);
}

std::vector<std::filesystem::path> files_of_model(const std::filesystem::path& model) {
  std::vector<std::filesystem::path> files = {model};
  try {
    const Source source = Source::of_file(model);
    for (const std::string& name : format_of(source).files(source))
      files.push_back(model.parent_path() / name);
  } catch (const BuildError&) {
    // Importing it says why.
  }
  return files;
}

SourceHash source_hash(Source& source) {
  const Format& format = format_of(source);
  SourceHash hash;
  hash.files = format.files(source);
  for (const std::string& name : hash.files) {
    try {
      format.load(source, name);
    } catch (const BuildError& error) {
      throw in_context("external data '" + name + "'", error);
    }
  }
  hash.digest = source.digest();
  return hash;
}

}  // namespace stint::builder
