#include "host_builder/quantize/samples.h"

#include <algorithm>
#include <cstring>
#include <system_error>

#include "host_builder/data/folder_files.h"
#include "host_builder/data/output_names.h"
#include "host_builder/graph/shape.h"
#include "host_builder/support/error.h"
#include "plan_schema/checksum.h"
#include "plan_schema/half.h"

namespace stint::builder {
namespace {

Shape shape_of(const BindingInfo& info) { return {info.shape, info.shape + info.rank}; }

bool converts_to_f32(DType dtype) {
  return dtype == DType::kU8 || dtype == DType::kI8 || dtype == DType::kF16 || dtype == DType::kF64;
}

template <typename T>
void widen(const std::vector<std::byte>& from, float* to) {
  const auto* x = reinterpret_cast<const T*>(from.data());
  for (size_t i = 0; i < from.size() / sizeof(T); ++i) to[i] = static_cast<float>(x[i]);
}

void widen_half(const std::vector<std::byte>& from, float* to) {
  const auto* x = reinterpret_cast<const F16*>(from.data());
  for (size_t i = 0; i < from.size() / sizeof(F16); ++i) to[i] = to_float(x[i]);
}

}  // namespace

SampleKind kind_of_samples(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::is_directory(status)) {
    size_t files = 0;
    bool has_tensors = false;
    for (const std::filesystem::path& file : files_of(path)) {
      if (is_picture_name(file)) return SampleKind::kPictures;
      has_tensors = has_tensors || ending_of(file) == ".npy";
      ++files;
    }
    if (has_tensors) return SampleKind::kTensors;
    throw BuildError(path.string() + ": the folder holds no pictures to calibrate on (" +
                     std::to_string(files) +
                     " other files); give one with .png, .jpg or .bmp files, or with a .npy for "
                     "every input");
  }
  if (!std::filesystem::is_regular_file(status))
    throw BuildError(path.string() +
                     ": there is nothing of that name to calibrate with; give a folder of "
                     "pictures, a .npy file or a calibration cache");
  return ending_of(path) == ".npy" ? SampleKind::kTensors : SampleKind::kCache;
}

Samples::Samples(const std::filesystem::path& path, const std::vector<BindingInfo>& inputs,
                 uint32_t batch)
    : inputs_(inputs), batch_(batch) {
  for (uint32_t i = 0; i < inputs.size(); ++i) {
    input_names_.emplace_back(inputs[i].name);
    if (inputs[i].kind == STINT_BINDING_IMAGE) image_inputs_.push_back(i);
  }
  const bool is_folder = std::filesystem::is_directory(path);
  if (!image_inputs_.empty()) {
    pictures_ = pictures_in(path);
  } else if (!is_folder) {
    if (inputs.size() != 1) {
      std::string files;
      for (const std::string& file : output_file_names(input_names_))
        files += (files.empty() ? "" : ", ") + file;
      throw BuildError(path.string() + ": the network has " + std::to_string(inputs.size()) +
                       " inputs; give a folder with a file for each: " + files);
    }
    add_tensor(path, 0);
  }
  if (is_folder) {
    const std::vector<std::string> files = output_file_names(input_names_);
    for (uint32_t i = 0; i < inputs.size(); ++i)
      if (inputs[i].kind != STINT_BINDING_IMAGE) add_tensor(path / files[i], i);
  }
  settle_count();
  identify();
}

void Samples::add_tensor(const std::filesystem::path& file, uint32_t input) {
  const BindingInfo& info = inputs_[input];
  const std::string name = "input '" + input_names_[input] + "'";
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error))
    throw BuildError(file.string() + ": there is no such file; " + name +
                     " of the network needs it: save its samples there, axis 0 counting them");
  Tensor tensor{input, NpyRows(file), 1};
  const Shape wanted = shape_of(info), row = tensor.rows.row_shape();
  const Shape without_batch(wanted.begin() + (wanted.empty() ? 0 : 1), wanted.end());
  const auto dtype = static_cast<DType>(info.dtype);
  if (!wanted.empty() && row == without_batch)
    tensor.rows_per_run = static_cast<size_t>(wanted.front());
  const bool fits = row == wanted || row == without_batch;
  const bool has_type = tensor.rows.dtype() == dtype ||
                        (dtype == DType::kF32 && converts_to_f32(tensor.rows.dtype()));
  if (!fits || !has_type) {
    throw BuildError(file.string() + ": its samples are " + dtype_name(tensor.rows.dtype()) + " " +
                     shape_text(row) + ", " + name + " needs " + dtype_name(dtype) + " " +
                     shape_text(without_batch) +
                     "; write an array whose axis 0 counts such samples");
  }
  if (tensor.rows.count() == 0)
    throw BuildError(file.string() + ": it holds no samples; write at least one");
  tensors_.push_back(std::move(tensor));
}

void Samples::settle_count() {
  // Runs of the longest file; a file for one run alone serves all.
  size_t runs = pictures_.size() / batch_;
  for (const Tensor& tensor : tensors_)
    if (image_inputs_.empty()) runs = std::max(runs, tensor.rows.count() / tensor.rows_per_run);
  if (!pictures_.empty() && (pictures_.size() % batch_ != 0 || runs == 0))
    throw BuildError("the network takes " + std::to_string(batch_) +
                     " pictures at once, and there are " + std::to_string(pictures_.size()) +
                     "; give a multiple of that many to calibrate on");
  for (const Tensor& tensor : tensors_) {
    const size_t rows = tensor.rows.count(), whole = runs * tensor.rows_per_run;
    if (rows == whole || rows == tensor.rows_per_run) continue;
    throw BuildError(tensor.rows.path().string() + ": it holds " + std::to_string(rows) +
                     " samples of input '" + input_names_[tensor.input] + "', needed are " +
                     std::to_string(std::max<size_t>(whole, tensor.rows_per_run)) +
                     (tensor.rows_per_run > 1 ? ": the network takes " +
                                                    std::to_string(tensor.rows_per_run) + " at once"
                                              : std::string()) +
                     "; give as many as the other inputs have");
  }
  count_ = runs * batch_;
  if (count_ == 0)
    throw BuildError(
        "there is nothing to calibrate on: the network has no input; build it without "
        "--precision int8");
}

void Samples::identify() {
  Sha256 hash;
  const auto add = [&](const std::filesystem::path& file) {
    std::error_code error;
    const std::string text =
        file.filename().string() + "\n" + std::to_string(std::filesystem::file_size(file, error)) +
        "\n" +
        std::to_string(std::filesystem::last_write_time(file, error).time_since_epoch().count()) +
        "\n";
    hash.add(std::as_bytes(std::span(text)));
  };
  for (const std::filesystem::path& file : pictures_) add(file);
  for (const Tensor& tensor : tensors_) add(tensor.rows.path());
  identity_ = hash.digest();
}

void Samples::convert(const Tensor& tensor, size_t run, void* to) const {
  const BindingInfo& info = inputs_[tensor.input];
  const size_t bytes = tensor.rows_per_run * tensor.rows.row_bytes();
  const bool serves_all = tensor.rows.count() == tensor.rows_per_run;
  const size_t first = serves_all ? 0 : run * tensor.rows_per_run;
  if (tensor.rows.dtype() == static_cast<DType>(info.dtype)) {
    tensor.rows.read(first, {static_cast<std::byte*>(to), bytes});
    return;
  }
  std::vector<std::byte> raw(bytes);
  tensor.rows.read(first, raw);
  auto* x = static_cast<float*>(to);
  switch (tensor.rows.dtype()) {
    case DType::kU8:
      return widen<uint8_t>(raw, x);
    case DType::kI8:
      return widen<int8_t>(raw, x);
    case DType::kF64:
      return widen<double>(raw, x);
    default:
      return widen_half(raw, x);
  }
}

uint64_t Samples::bind(size_t run, Session& session, Held& held) const {
  uint64_t sum = 0;
  held.clear();
  for (uint32_t slot = 0; slot < batch_ && !pictures_.empty(); ++slot) {
    const std::filesystem::path& file = pictures_[run * batch_ + slot];
    held.push_back(std::make_unique<Picture>(read_picture(file)));
    const Picture& picture = *held.back();
    sum = sum * 31 + checksum64(picture.rgb.data(), picture.rgb.size()) + picture.width;
    for (const uint32_t input : image_inputs_) {
      const stint_status status = session.bind_image(input, slot, picture.frame());
      if (!ok(status)) throw BuildError(file.string() + ": " + stint::describe(status));
    }
  }
  for (const Tensor& tensor : tensors_) {
    const BindingInfo& info = inputs_[tensor.input];
    void* data = session.input_data(tensor.input);
    convert(tensor, run, data);
    sum = sum * 31 + checksum64(data, info.bytes);
  }
  return sum;
}

std::string Samples::describe(size_t run) const {
  if (!pictures_.empty()) return pictures_[run * batch_].string();
  if (tensors_.empty()) return "sample " + std::to_string(run);
  return "sample " + std::to_string(run) + " of " + tensors_.front().rows.path().string();
}

}  // namespace stint::builder
