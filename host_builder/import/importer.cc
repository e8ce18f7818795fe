#include "host_builder/import/importer.h"

#include "host_builder/import/caffe/caffe.h"
#include "host_builder/import/format.h"
#include "host_builder/import/onnx/onnx.h"
#include "host_builder/support/in_context.h"
#include "host_builder/support/refusal.h"

namespace stint::builder {
namespace {

/// Asked in this order. Protobuf messages have no mark of their own: what no other format knows is
/// taken for ONNX, whose importer says what is wrong with it.
constexpr const Format* kFormats[] = {
    &kCaffeFormat,
    &kOnnxFormat,
};

const Format& format_of(const Source& source) {
  for (const Format* format : kFormats)
    if (format->is(source.bytes())) return *format;
  return kOnnxFormat;
}

}  // namespace

Graph import_model(Source& source, const ImportOptions& options) {
  const Format& format = format_of(source);
  if (source.given().size() > 1 && !format.takes_weights) {
    throw Refusal(std::string("MODEL is read as ") + format.name +
                      ", which names the files of its weights itself",
                  "leave --weights out, or give the topology as MODEL (Caffe: the .prototxt)");
  }
  return format.import(source, options);
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
