// Where external data may lie: beside the model, and behind links that are safe to follow.
#include "host_builder/import/onnx/external_data.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>

#include "host_builder/import/importer.h"
#include "host_builder/network/findings.h"
#include "host_builder/support/refusal.h"
#include "tests/support/onnx_model.h"
#include "tests/support/temporary_folder.h"

namespace stint::builder {
namespace {

using test::TemporaryFolder;

namespace fs = std::filesystem;

void write(const fs::path& path, const std::string& bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string refusal(const std::string& location, const ExternalFolders& folders) {
  try {
    find_external(location, folders);
  } catch (const FileRefusal& error) {
    CHECK(error.location() == location);
    CHECK(ends_with_action(error.what()));
    return error.what();
  }
  return "";
}

bool has(const std::string& text, const std::string& part) {
  CAPTURE(text);
  CAPTURE(part);
  const bool found = text.find(part) != std::string::npos;
  CHECK(found);
  return found;
}

/// y = x + w + v, with w and v in external files.
ModelBuilder external_model(const std::string& w_file, const std::string& v_file) {
  ModelBuilder m;
  m.input("x", {2}).output("y");
  for (const auto& [name, file] :
       {std::pair<std::string, std::string>{"w", w_file}, {"v", v_file}}) {
    auto* tensor = m.model().mutable_graph()->add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(onnx::TensorProto::FLOAT);
    tensor->add_dims(2);
    tensor->set_data_location(onnx::TensorProto::EXTERNAL);
    auto* entry = tensor->add_external_data();
    entry->set_key("location");
    entry->set_value(file);
  }
  m.node("Add", {"x", "w"}, {"s"}).node("Add", {"s", "v"}, {"y"});
  return m;
}

std::string import_refusal(const fs::path& model) {
  try {
    import_model(model, {});
  } catch (const BuildError& error) {
    return error.what();
  }
  return "";
}

std::vector<std::vector<std::byte>> constants_of(const Graph& graph) {
  std::vector<std::vector<std::byte>> constants;
  for (ValueId id = 0; id < graph.value_count(); ++id)
    if (graph.value(id).is_constant()) constants.push_back(*graph.value(id).constant);
  return constants;
}

const std::string kEight(8, '\1');

TEST_CASE("a model hub's cache: model and data are links into one folder of blobs") {
  TemporaryFolder folder;
  const fs::path root = folder.root();
  write(root / "blobs/aa", external_model("model.onnx.data", "model.onnx.data").bytes());
  write(root / "blobs/bb", kEight);
  const fs::path snapshot = root / "snapshots/main/onnx";
  fs::create_directories(snapshot);
  fs::create_symlink("../../../blobs/aa", snapshot / "model.onnx");
  fs::create_symlink("../../../blobs/bb", snapshot / "model.onnx.data");
  CHECK(import_refusal(snapshot / "model.onnx").empty());
  const auto folders = ExternalFolders::of_model(snapshot / "model.onnx");
  const ExternalFile file = find_external("model.onnx.data", folders);
  CHECK(file.path == fs::canonical(root / "blobs/bb"));
  CHECK(file.note.empty());
}

TEST_CASE("a link of the user's own to a file of the user's own is followed, and said") {
  TemporaryFolder folder;
  const fs::path root = folder.root();
  write(root / "model/model.onnx", external_model("w.bin", "w.bin").bytes());
  write(root / "elsewhere/w.bin", kEight);
  fs::create_symlink("../elsewhere/w.bin", root / "model/w.bin");
  std::vector<std::string> notes;
  ImportOptions options;
  options.notes = &notes;
  import_model(root / "model/model.onnx", options);
  REQUIRE(notes.size() == 1);
  has(notes[0], "external data 'w.bin' is read from ");
  has(notes[0], "elsewhere/w.bin");
}

TEST_CASE("a link to a file of somebody else is refused") {
  if (::geteuid() == 0) {
    TemporaryFolder folder;  // root may give files away
    write(folder.root() / "model/x", "");
    write(folder.root() / "theirs.bin", kEight);
    fs::create_symlink("../theirs.bin", folder.root() / "model/w.bin");
    REQUIRE(::chown((folder.root() / "theirs.bin").c_str(), 65534, 65534) == 0);
    has(refusal("w.bin", {folder.root() / "model", {}}), "not a file of your own");
    // A link that another user made, to a file that only the builder's user may read.
    REQUIRE(::chown((folder.root() / "theirs.bin").c_str(), 0, 0) == 0);
    CHECK(refusal("w.bin", {folder.root() / "model", {}}).empty());
    REQUIRE(::lchown((folder.root() / "model/w.bin").c_str(), 65534, 65534) == 0);
    has(refusal("w.bin", {folder.root() / "model", {}}), "copy the file into the model's folder");
  } else {
    TemporaryFolder folder;
    fs::create_symlink("/etc/hostname", folder.root() / "w.bin");
    has(refusal("w.bin", {folder.root(), {}}), "not a file of your own");
  }
}

TEST_CASE("locations that leave the folder are refused, whatever lies there") {
  TemporaryFolder folder;
  write(folder.root() / "secret.bin", kEight);
  write(folder.root() / "model/sub/w.bin", kEight);
  const ExternalFolders folders{folder.root() / "model", {}};
  for (const char* outside : {"../secret.bin", "sub/../../secret.bin", "/etc/hostname", "", ".."}) {
    CAPTURE(outside);
    has(refusal(outside, folders), "inside the model's folder");
  }
  CHECK(refusal("sub/w.bin", folders).empty());
  CHECK(refusal("./sub/../sub/w.bin", folders).empty());
  has(refusal("sub", folders), "is not a regular file");
  has(refusal("w.bin", folders), "put the file that was exported with the model beside it");
  has(refusal("w.bin", {}), "the model came from memory");
}

TEST_CASE("a file that is missing or too short is one finding, however many tensors want it") {
  TemporaryFolder folder;
  const fs::path model = folder.root() / "model.onnx";
  write(model, external_model("gone.bin", "gone.bin").bytes());
  std::string error = import_refusal(model);
  has(error, "external data 'gone.bin' (2 tensors, first initializer 'w'): No such file");
  CHECK(error.find("\n  - ") == error.rfind("\n  - "));
  write(folder.root() / "gone.bin", "1234");
  error = import_refusal(model);
  has(error, "external data 'gone.bin' (2 tensors, first initializer 'w'): has 4 bytes");
  CHECK(error.find("\n  - ") == error.rfind("\n  - "));
}

TEST_CASE("the source's hash covers every external file, and is the model's without any") {
  TemporaryFolder folder;
  const fs::path model = folder.root() / "model.onnx";
  const std::string bytes = external_model("w.bin", "v.bin").bytes();
  write(model, bytes);
  const auto hash = [&](const std::string& w, const std::string& v) {
    write(folder.root() / "w.bin", w);
    write(folder.root() / "v.bin", v);
    Source source = Source::of_file(model);
    return hex_text(source_hash(source).digest);
  };
  const std::string first = hash(kEight, std::string(3 << 20, '\2'));
  CHECK(first == hash(kEight, std::string(3 << 20, '\2')));
  CHECK(first != hash(kEight, std::string(3 << 20, '\3')));
  CHECK(hash("12345678", "abcdefgh") != hash("abcdefgh", "12345678"));
  // As anybody can compute it: sha256(sha256(model), sha256(v.bin), sha256(w.bin)).
  std::vector<std::byte> digests;
  for (const std::string& part : {bytes, std::string("12345678"), std::string("abcdefgh")}) {
    const auto digest = sha256(std::as_bytes(std::span(part)));
    const auto as_bytes = std::as_bytes(std::span(digest));
    digests.insert(digests.end(), as_bytes.begin(), as_bytes.end());
  }
  CHECK(hash("abcdefgh", "12345678") == hex_text(sha256(digests)));

  ModelBuilder plain;
  plain.input("x", {1}).output("y").node("Neg", {"x"}, {"y"});
  const std::string text = plain.bytes();
  const auto plain_span = std::as_bytes(std::span(text));
  Source source = Source::of_bytes(plain_span);
  CHECK(source_hash(source).digest == sha256(plain_span));
}

TEST_CASE("external files are read once: programs and hash are of the same bytes") {
  TemporaryFolder folder;
  const fs::path model = folder.root() / "model.onnx";
  write(model, external_model("w.bin", "v.bin").bytes());
  write(folder.root() / "w.bin", "12345678");
  write(folder.root() / "v.bin", "abcdefgh");
  Source source = Source::of_file(model);
  const Graph first = import_model(source, {});
  write(folder.root() / "w.bin", "changed!");
  fs::remove(folder.root() / "v.bin");
  const Graph second = import_model(source, {});
  CHECK(constants_of(first) == constants_of(second));
  const SourceHash hash = source_hash(source);
  CHECK(hash.files == std::vector<std::string>{"v.bin", "w.bin"});
  write(folder.root() / "w.bin", "12345678");
  write(folder.root() / "v.bin", "abcdefgh");
  Source again = Source::of_file(model);
  CHECK(hash.digest == source_hash(again).digest);
}

TEST_CASE("a hash in pieces is the hash of the whole") {
  std::string text;
  for (int i = 0; i < 300; ++i) text += static_cast<char>(i * 7);
  for (const size_t piece : {1, 7, 63, 64, 65, 128, 299}) {
    Sha256 hash;
    for (size_t at = 0; at < text.size(); at += piece)
      hash.add(std::as_bytes(std::span(text).subspan(at, std::min(piece, text.size() - at))));
    CHECK(hash.digest() == sha256(std::as_bytes(std::span(text))));
  }
}

}  // namespace
}  // namespace stint::builder
