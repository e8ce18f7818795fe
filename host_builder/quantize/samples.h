// What a network is calibrated on: pictures of a folder, or rows of .npy files.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/include/stint/engine.hpp"
#include "host_builder/data/image_file.h"
#include "host_builder/data/npy_rows.h"
#include "host_builder/support/sha256.h"

namespace stint::builder {

enum class SampleKind : uint8_t {
  kPictures,  // a folder with .png, .jpg, .jpeg or .bmp files
  kTensors,   // a .npy file, or a folder with one for every input
  kCache,     // any other regular file
};

/// Throws BuildError for what is not there, and for a folder with neither pictures nor tensors.
SampleKind kind_of_samples(const std::filesystem::path& path);

class Samples {
 public:
  /// Fits the samples to a network's inputs. Pictures fill its image inputs; each other input needs
  /// NAME.npy (names as `stint run` writes them) in the folder. A .npy's axis 0 counts samples; the
  /// rest is the input's shape, with or without a first axis of 1, in the input's type, or u8, i8,
  /// f16 or f64 for an f32 input. A file of one row serves all samples if another has more. Throws
  /// BuildError for what does not fit.
  Samples(const std::filesystem::path& path, const std::vector<BindingInfo>& inputs,
          uint32_t batch);

  size_t count() const { return count_; }
  /// The network takes batch() samples a run.
  size_t runs() const { return count_ / batch_; }
  uint32_t batch() const { return batch_; }
  /// Changes with the files' names, sizes and times.
  const Sha256Digest& identity() const { return identity_; }

  /// What a bound run reads; alive until it is done.
  using Held = std::vector<std::unique_ptr<Picture>>;
  /// Binds every input of the session, whose network has the inputs of this. Returns a checksum of
  /// what was bound: the same for the same sample, wherever it stands. Throws BuildError that names
  /// the file. Several threads may bind at once, each to its own session.
  uint64_t bind(size_t run, Session& session, Held& held) const;
  /// For messages: the file of a run's first sample.
  std::string describe(size_t run) const;

 private:
  struct Tensor {
    uint32_t input = 0;
    NpyRows rows;
    size_t rows_per_run = 1;
  };

  void add_tensor(const std::filesystem::path& file, uint32_t input);
  void settle_count();
  void identify();
  void convert(const Tensor& tensor, size_t run, void* to) const;

  std::vector<BindingInfo> inputs_;
  std::vector<std::string> input_names_;  // the bindings' texts live in a plan
  uint32_t batch_ = 1;
  std::vector<std::filesystem::path> pictures_;
  std::vector<uint32_t> image_inputs_;
  std::vector<Tensor> tensors_;
  size_t count_ = 0;
  Sha256Digest identity_{};
};

}  // namespace stint::builder
