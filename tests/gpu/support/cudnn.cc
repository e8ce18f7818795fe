#include "tests/gpu/support/cudnn.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <string>

#include "tests/gpu/support/device.h"

namespace stint::test {
namespace {

// Values of cudnn_graph.h, cudnn_ops.h and cudnn_cnn.h of cuDNN 9.
constexpr int kNchw = 0, kFloat = 0, kCrossCorrelation = 1, kFmaMath = 3, kNoNan = 0;
constexpr int kImplicitGemm = 0, kSoftmaxAccurate = 1, kSoftmaxLog = 2, kSoftmaxOverChannels = 1;

void* open_library() {
  if (void* found = dlopen("libcudnn.so.9", RTLD_NOW | RTLD_LOCAL); found != nullptr) return found;
  const char* folders = std::getenv("STINT_CUDNN_PATH");
  std::istringstream list(folders == nullptr ? "" : folders);
  for (std::string folder; std::getline(list, folder, ':');)
    if (void* found = dlopen((folder + "/libcudnn.so.9").c_str(), RTLD_NOW | RTLD_LOCAL);
        found != nullptr)
      return found;
  return nullptr;
}

DeviceMemory on_device(const std::vector<float>& values) {
  DeviceMemory memory(values.size() * sizeof(float));
  memory.upload(values.data(), memory.size());
  return memory;
}

std::vector<float> from_device(const DeviceMemory& memory) {
  const std::vector<std::byte> bytes = memory.download();
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

void* pointer(const DeviceMemory& memory) { return reinterpret_cast<void*>(memory.address()); }

}  // namespace

struct Cudnn::Table {
  const char* (*error_string)(int);
  int (*create)(void**);
  int (*set_stream)(void*, CuStream);
  int (*create_tensor)(void**);
  int (*destroy_tensor)(void*);
  int (*set_tensor)(void*, int format, int type, int n, int c, int h, int w);
  int (*create_filter)(void**);
  int (*destroy_filter)(void*);
  int (*set_filter)(void*, int type, int format, int k, int c, int h, int w);
  int (*create_convolution)(void**);
  int (*destroy_convolution)(void*);
  int (*set_convolution)(void*, int pad_h, int pad_w, int stride_h, int stride_w, int dilation_h,
                         int dilation_w, int mode, int type);
  int (*set_groups)(void*, int groups);
  int (*set_math)(void*, int math);
  int (*workspace_size)(void*, void* x, void* w, void* convolution, void* y, int algorithm,
                        size_t* bytes);
  int (*convolution_forward)(void*, const void* alpha, void* x_type, const void* x, void* w_type,
                             const void* w, void* convolution, int algorithm, void* workspace,
                             size_t bytes, const void* beta, void* y_type, void* y);
  int (*create_pooling)(void**);
  int (*destroy_pooling)(void*);
  int (*set_pooling)(void*, int mode, int nan, int h, int w, int pad_h, int pad_w, int stride_h,
                     int stride_w);
  int (*pooling_forward)(void*, void* pooling, const void* alpha, void* x_type, const void* x,
                         const void* beta, void* y_type, void* y);
  int (*softmax_forward)(void*, int algorithm, int mode, const void* alpha, void* x_type,
                         const void* x, const void* beta, void* y_type, void* y);

  bool fill(void* library) {
    bool complete = true;
    const auto bind = [&](auto& function, const char* name) {
      void* symbol = dlsym(library, name);
      static_assert(sizeof(function) == sizeof(symbol));
      std::memcpy(&function, &symbol, sizeof symbol);
      complete = complete && symbol != nullptr;
    };
    bind(error_string, "cudnnGetErrorString");
    bind(create, "cudnnCreate");
    bind(set_stream, "cudnnSetStream");
    bind(create_tensor, "cudnnCreateTensorDescriptor");
    bind(destroy_tensor, "cudnnDestroyTensorDescriptor");
    bind(set_tensor, "cudnnSetTensor4dDescriptor");
    bind(create_filter, "cudnnCreateFilterDescriptor");
    bind(destroy_filter, "cudnnDestroyFilterDescriptor");
    bind(set_filter, "cudnnSetFilter4dDescriptor");
    bind(create_convolution, "cudnnCreateConvolutionDescriptor");
    bind(destroy_convolution, "cudnnDestroyConvolutionDescriptor");
    bind(set_convolution, "cudnnSetConvolution2dDescriptor");
    bind(set_groups, "cudnnSetConvolutionGroupCount");
    bind(set_math, "cudnnSetConvolutionMathType");
    bind(workspace_size, "cudnnGetConvolutionForwardWorkspaceSize");
    bind(convolution_forward, "cudnnConvolutionForward");
    bind(create_pooling, "cudnnCreatePoolingDescriptor");
    bind(destroy_pooling, "cudnnDestroyPoolingDescriptor");
    bind(set_pooling, "cudnnSetPooling2dDescriptor");
    bind(pooling_forward, "cudnnPoolingForward");
    bind(softmax_forward, "cudnnSoftmaxForward");
    return complete;
  }

  /// A descriptor that is destroyed with its holder.
  using Descriptor = std::unique_ptr<void, int (*)(void*)>;
  static Descriptor make(int (*create_one)(void**), int (*destroy_one)(void*)) {
    void* made = nullptr;
    if (create_one(&made) != 0) throw std::runtime_error("cuDNN: no descriptor");
    return {made, destroy_one};
  }
  Descriptor tensor(const Extent4& e) const {
    Descriptor d = make(create_tensor, destroy_tensor);
    if (set_tensor(d.get(), kNchw, kFloat, e.n, e.c, e.h, e.w) != 0)
      throw std::runtime_error("cudnnSetTensor4dDescriptor failed");
    return d;
  }
};

Cudnn::Cudnn(std::shared_ptr<const Table> table) : table_(std::move(table)) {
  check(table_->create(&handle_), "cudnnCreate");
  check(table_->set_stream(handle_, device().stream), "cudnnSetStream");
}

Cudnn* Cudnn::open() {
  if (no_device()) return nullptr;
  static const std::shared_ptr<const Table> table = [] {
    auto made = std::make_shared<Table>();
    void* library = open_library();
    return library != nullptr && made->fill(library) ? made : nullptr;
  }();
  if (table == nullptr) {
    std::puts("skipped: libcudnn.so.9 is not installed");
    return nullptr;
  }
  static Cudnn cudnn(table);
  return &cudnn;
}

void Cudnn::check(int status, const char* what) const {
  if (status != 0)
    throw std::runtime_error(std::string(what) + ": " + table_->error_string(status));
}

std::vector<float> Cudnn::convolution(const std::vector<float>& x, const Extent4& x_extent,
                                      const std::vector<float>& weights, int filters, int groups,
                                      const CudnnWindow& t, const Extent4& y_extent) {
  const auto x_type = table_->tensor(x_extent), y_type = table_->tensor(y_extent);
  const auto w_type = Table::make(table_->create_filter, table_->destroy_filter);
  check(table_->set_filter(w_type.get(), kFloat, kNchw, filters, x_extent.c / groups, t.kernel_h,
                           t.kernel_w),
        "cudnnSetFilter4dDescriptor");
  const auto type = Table::make(table_->create_convolution, table_->destroy_convolution);
  check(table_->set_convolution(type.get(), t.pad_h, t.pad_w, t.stride_h, t.stride_w, t.dilation_h,
                                t.dilation_w, kCrossCorrelation, kFloat),
        "cudnnSetConvolution2dDescriptor");
  check(table_->set_groups(type.get(), groups), "cudnnSetConvolutionGroupCount");
  check(table_->set_math(type.get(), kFmaMath), "cudnnSetConvolutionMathType");
  size_t bytes = 0;
  check(table_->workspace_size(handle_, x_type.get(), w_type.get(), type.get(), y_type.get(),
                               kImplicitGemm, &bytes),
        "cudnnGetConvolutionForwardWorkspaceSize");
  const DeviceMemory input = on_device(x), filter = on_device(weights), workspace(bytes);
  const DeviceMemory output(y_extent.elements() * sizeof(float));
  const float one = 1, zero = 0;
  check(table_->convolution_forward(handle_, &one, x_type.get(), pointer(input), w_type.get(),
                                    pointer(filter), type.get(), kImplicitGemm, pointer(workspace),
                                    bytes, &zero, y_type.get(), pointer(output)),
        "cudnnConvolutionForward");
  synchronize();
  return from_device(output);
}

std::vector<float> Cudnn::pool(const std::vector<float>& x, const Extent4& x_extent, CudnnPool kind,
                               const CudnnWindow& t, const Extent4& y_extent) {
  const auto x_type = table_->tensor(x_extent), y_type = table_->tensor(y_extent);
  const auto type = Table::make(table_->create_pooling, table_->destroy_pooling);
  check(table_->set_pooling(type.get(), static_cast<int>(kind), kNoNan, t.kernel_h, t.kernel_w,
                            t.pad_h, t.pad_w, t.stride_h, t.stride_w),
        "cudnnSetPooling2dDescriptor");
  const DeviceMemory input = on_device(x), output(y_extent.elements() * sizeof(float));
  const float one = 1, zero = 0;
  check(table_->pooling_forward(handle_, type.get(), &one, x_type.get(), pointer(input), &zero,
                                y_type.get(), pointer(output)),
        "cudnnPoolingForward");
  synchronize();
  return from_device(output);
}

std::vector<float> Cudnn::softmax(const std::vector<float>& x, const Extent4& extent, bool log) {
  const auto type = table_->tensor(extent);
  const DeviceMemory input = on_device(x), output(extent.elements() * sizeof(float));
  const float one = 1, zero = 0;
  check(
      table_->softmax_forward(handle_, log ? kSoftmaxLog : kSoftmaxAccurate, kSoftmaxOverChannels,
                              &one, type.get(), pointer(input), &zero, type.get(), pointer(output)),
      "cudnnSoftmaxForward");
  synchronize();
  return from_device(output);
}

}  // namespace stint::test
