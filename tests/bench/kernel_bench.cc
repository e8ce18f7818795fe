// Speed of the arithmetic kernels over the layer shapes of well-known networks, each on f32,
// against this core's own multiply-add peak, and on 8-bit integers.
//   stint_kernel_bench [threads] [level: see kernels/cpu/simd_level.h]
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/bench/kernel_bench.cc"
#include "kernels/cpu/simd_dispatch.h"
// After simd_dispatch.h.
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace stint::cpu {
namespace HWY_NAMESPACE {

/// 12 independent chains of multiply-adds; returns the floating-point operations done.
double peak_loop(int64_t rounds, float* sink) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<float> d;
  auto a = hn::Set(d, 0.5f), b = hn::Set(d, 1e-9f);
  // Different starts: equal chains would be computed once.
  auto c0 = hn::Set(d, 1.0f), c1 = hn::Set(d, 2.0f), c2 = hn::Set(d, 3.0f), c3 = hn::Set(d, 4.0f);
  auto c4 = hn::Set(d, 5.0f), c5 = hn::Set(d, 6.0f), c6 = hn::Set(d, 7.0f), c7 = hn::Set(d, 8.0f);
  auto c8 = hn::Set(d, 9.0f), c9 = hn::Set(d, 10.f), ca = hn::Set(d, 11.f), cb = hn::Set(d, 12.f);
  for (int64_t i = 0; i < rounds; ++i) {
    c0 = hn::MulAdd(a, c0, b), c1 = hn::MulAdd(a, c1, b), c2 = hn::MulAdd(a, c2, b);
    c3 = hn::MulAdd(a, c3, b), c4 = hn::MulAdd(a, c4, b), c5 = hn::MulAdd(a, c5, b);
    c6 = hn::MulAdd(a, c6, b), c7 = hn::MulAdd(a, c7, b), c8 = hn::MulAdd(a, c8, b);
    c9 = hn::MulAdd(a, c9, b), ca = hn::MulAdd(a, ca, b), cb = hn::MulAdd(a, cb, b);
  }
  const auto sum =
      hn::Add(hn::Add(hn::Add(c0, c1), hn::Add(c2, c3)), hn::Add(hn::Add(c4, c5), hn::Add(c6, c7)));
  hn::StoreU(hn::Add(sum, hn::Add(hn::Add(c8, c9), hn::Add(ca, cb))), d, sink);
  return 24.0 * static_cast<double>(hn::Lanes(d)) * static_cast<double>(rounds);
}

}  // namespace HWY_NAMESPACE
}  // namespace stint::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <thread>
#include <vector>

#include "host_builder/lowering/candidates.h"
#include "kernels/cpu/kernel.h"

namespace stint::cpu {
double peak(int64_t rounds, float* sink) { return STINT_SIMD(peak_loop)(rounds, sink); }
}  // namespace stint::cpu

namespace {

using namespace stint;
using builder::Graph;
using builder::Node;
using builder::Shape;
using builder::ValueId;

/// Workers that spin, so that the wake-up is not what is measured.
class SpinPool {
 public:
  explicit SpinPool(uint32_t workers) : workers_(workers) {
    for (uint32_t w = 1; w < workers; ++w) threads_.emplace_back([this, w] { serve(w); });
  }
  ~SpinPool() {
    stop_ = true;
    for (std::thread& t : threads_) t.join();
  }
  static void run(void* self, uint32_t tasks, cpu::Parallel::Task task, void* context) {
    auto& pool = *static_cast<SpinPool*>(self);
    pool.task_ = task, pool.context_ = context, pool.tasks_ = tasks;
    pool.next_ = 0;
    pool.busy_ = pool.workers_ - 1;
    pool.generation_.fetch_add(1);
    pool.work(0);
    while (pool.busy_.load() != 0) {
    }
  }

 private:
  void work(uint32_t worker) {
    for (uint32_t i = next_++; i < tasks_; i = next_++) task_(context_, i, worker);
  }
  void serve(uint32_t worker) {
    uint32_t seen = 0;
    while (!stop_) {
      const uint32_t now = generation_.load();
      if (now == seen) {
        std::this_thread::yield();
        continue;
      }
      seen = now;
      work(worker);
      busy_.fetch_sub(1);
    }
  }
  uint32_t workers_;
  std::vector<std::thread> threads_;
  std::atomic<uint32_t> generation_{0}, next_{0}, busy_{0};
  std::atomic<bool> stop_{false};
  cpu::Parallel::Task task_ = nullptr;
  void* context_ = nullptr;
  uint32_t tasks_ = 0;
};

double best_seconds(const std::function<void()>& f) {
  using Clock = std::chrono::steady_clock;
  double best = 1e9, total = 0;
  for (int i = 0; i < 200 && (i < 5 || total < 0.15); ++i) {
    const auto start = Clock::now();
    f();
    const double s = std::chrono::duration<double>(Clock::now() - start).count();
    best = s < best ? s : best;
    total += s;
  }
  return best;
}

struct Layer {
  const char* name;
  int64_t size, in, out, kernel, stride, groups;
};

constexpr Layer kLayers[] = {
    {"resnet stem 7x7/2", 224, 3, 64, 7, 2, 1},
    {"resnet 1x1 64-64", 56, 64, 64, 1, 1, 1},
    {"resnet 3x3 64", 56, 64, 64, 3, 1, 1},
    {"resnet 1x1 64-256", 56, 64, 256, 1, 1, 1},
    {"resnet 3x3 128", 28, 128, 128, 3, 1, 1},
    {"resnet 1x1 512-128", 28, 512, 128, 1, 1, 1},
    {"resnet 3x3 256", 14, 256, 256, 3, 1, 1},
    {"resnet 1x1 1024-256", 14, 1024, 256, 1, 1, 1},
    {"resnet 3x3 512", 7, 512, 512, 3, 1, 1},
    {"resnet 1x1 512-2048", 7, 512, 2048, 1, 1, 1},
    {"resnet 1x1/2 256-512", 56, 256, 512, 1, 2, 1},
    {"mobilenet stem 3x3/2", 224, 3, 32, 3, 2, 1},
    {"mobilenet 1x1 32-64", 112, 32, 64, 1, 1, 1},
    {"mobilenet 1x1 512", 14, 512, 512, 1, 1, 1},
    {"mobilenet dw 3x3 32", 112, 32, 32, 3, 1, 32},
    {"mobilenet dw 3x3/2 64", 112, 64, 64, 3, 2, 64},
    {"mobilenet dw 3x3 512", 14, 512, 512, 3, 1, 512},
    {"squeezenet squeeze", 55, 128, 16, 1, 1, 1},
    {"squeezenet expand 3x3", 55, 16, 64, 3, 1, 1},
    {"squeezenet expand 3x3", 13, 64, 256, 3, 1, 1},
    {"squeezenet head", 13, 512, 1000, 1, 1, 1},
    {"yolox stem 3x3", 208, 12, 16, 3, 1, 1},
    {"yolox 1x1 16-32", 104, 16, 32, 1, 1, 1},
    {"yolox dw 3x3 64", 52, 64, 64, 3, 1, 64},
    {"yolox 1x1 64", 52, 64, 64, 1, 1, 1},
    {"yolox dw 5x5 256", 13, 256, 256, 5, 1, 256},
    {"yolox head 1x1 64-80", 52, 64, 80, 1, 1, 1},
    {"rfb 3x3/2 stem", 240, 3, 16, 3, 2, 1},
    {"rfb 3x3 16", 60, 16, 16, 3, 1, 1},
    {"rfb head 3x3 64-12", 15, 64, 12, 3, 1, 1},
};

/// Seconds of a layer; 0: refused.
double seconds_of(const Layer& l, bool quantized, uint32_t threads, SpinPool& pool, double* flops) {
  Graph graph;
  graph.channels_last = true;
  graph.mixed_precision = quantized;
  std::mt19937 random(1);
  std::uniform_real_distribution<float> value(-1, 1);
  const int64_t out = (l.size + 2 * (l.kernel / 2) - l.kernel) / l.stride + 1;
  const Shape x_shape{1, l.size, l.size, l.in}, y_shape{1, out, out, l.out};
  const Shape w_shape{l.out, l.in / l.groups, l.kernel, l.kernel};
  const auto floats = [&](int64_t n) {
    std::vector<float> v(static_cast<size_t>(n));
    for (float& f : v) f = value(random);
    return v;
  };
  const auto bytes = [&](int64_t n) {
    std::vector<int8_t> v(static_cast<size_t>(n));
    for (int8_t& i : v) i = static_cast<int8_t>(random());
    return v;
  };
  const int64_t weights = l.out * l.in / l.groups * l.kernel * l.kernel;
  const auto real = [&](const char* name, const Shape& shape, float scale) {
    const ValueId id = graph.add_value(name, quantized ? DType::kU8 : DType::kF32, shape);
    if (quantized) graph.value(id).quant = builder::Quantisation{{scale}, -1, {}};
    return id;
  };
  const ValueId x = real("x", x_shape, 0.01f);
  const ValueId w = quantized ? graph.add_constant("w", DType::kI8, w_shape, bytes(weights))
                              : graph.add_constant("w", DType::kF32, w_shape, floats(weights));
  if (quantized)
    graph.value(w).quant =
        builder::Quantisation{std::vector<float>(static_cast<size_t>(l.out), 0.01f), 0, {}};
  const ValueId b = graph.add_constant("b", DType::kF32, {l.out}, floats(l.out));
  const ValueId y = real("y", y_shape, 0.05f);
  Node node;
  node.op = builder::Op::kConv;
  const int64_t pad = l.kernel / 2;
  builder::Epilogue epilogue;
  epilogue.act = Activation::kRelu;
  node.attributes = builder::ConvAttributes{{l.kernel, l.kernel},
                                            {l.stride, l.stride},
                                            {1, 1},
                                            {pad, pad},
                                            {pad, pad},
                                            l.groups,
                                            epilogue};
  node.inputs = {x, w, b};
  node.outputs = {y};
  const builder::StepSpec step = builder::lower_for_cpu(graph, node);
  *flops = step.flops;

  // Positive, as behind a rectifier.
  std::vector<float> x_data(static_cast<size_t>(graph.value(x).elements()), 0.5f);
  if (quantized)
    for (size_t i = 0; i < x_data.size(); ++i)
      reinterpret_cast<uint8_t*>(x_data.data())[i] = static_cast<uint8_t>(random());
  std::vector<float> y_data(static_cast<size_t>(graph.value(y).elements()));
  const auto view = [&](ValueId id, void* data) {
    cpu::TensorView t;
    t.data = data;
    t.dtype = graph.value(id).dtype;
    t.rank = static_cast<uint8_t>(graph.value(id).shape.size());
    int64_t stride = 1;
    for (int i = t.rank - 1; i >= 0; --i) {
      t.shape[i] = graph.value(id).shape[static_cast<size_t>(i)];
      t.strides[i] = stride;
      stride *= t.shape[i];
    }
    return t;
  };
  std::vector<cpu::TensorView> inputs;
  for (const ValueId id : step.inputs)
    inputs.push_back(view(id, graph.value(id).is_constant()
                                  ? const_cast<std::byte*>(graph.value(id).constant->data())
                                  : reinterpret_cast<std::byte*>(x_data.data())));
  const cpu::TensorView output = view(y, y_data.data());
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  const uint64_t scratch_bytes = (step.worker_scratch_bytes + 63) / 64 * 64;
  std::vector<Line> scratch(scratch_bytes / 64 * threads + 1);
  std::vector<uint64_t> params((step.params.size() + 7) / 8);
  std::copy(step.params.begin(), step.params.end(), reinterpret_cast<std::byte*>(params.data()));
  cpu::StepArgs args;
  args.params = params.data();
  args.params_bytes = static_cast<uint32_t>(step.params.size());
  args.inputs = inputs.data();
  args.input_count = static_cast<uint32_t>(inputs.size());
  args.outputs = &output;
  args.output_count = 1;
  args.worker_scratch = scratch.data()->bytes;
  args.worker_scratch_bytes = scratch_bytes;
  args.parallel.run = SpinPool::run;
  args.parallel.pool = &pool;
  args.parallel.workers = threads;
  const cpu::KernelEntry* kernel = cpu::find_kernel(static_cast<uint16_t>(step.kernel.value()));
  if (const Status s = kernel->check(args); !s.ok()) {
    std::printf("%-24s refused: %s\n", l.name, s.message);
    return 0;
  }
  return best_seconds([&] { kernel->run(args); });
}

void bench(const Layer& l, uint32_t threads, SpinPool& pool, double peak) {
  double flops = 0;
  const double real = seconds_of(l, false, threads, pool, &flops);
  const double quantized = seconds_of(l, true, threads, pool, &flops);
  std::printf(
      "%-24s %4ld  f32 %8.1f us %7.1f GFLOP/s %5.1f %% of peak   u8 %8.1f us %7.1f GOP/s  "
      "%4.2fx\n",
      l.name, static_cast<long>(l.size), real * 1e6, flops / real * 1e-9, 100 * flops / real / peak,
      quantized * 1e6, flops / quantized * 1e-9, real / quantized);
}

}  // namespace

int main(int argc, char** argv) {
  const uint32_t threads = argc > 1 ? static_cast<uint32_t>(std::atoi(argv[1])) : 1;
  if (argc > 2)
    stint::cpu::limit_simd_level(static_cast<stint::cpu::SimdLevel>(std::atoi(argv[2])));
  float sink[64];
  double flops = 0;
  const double seconds = best_seconds([&] { flops = stint::cpu::peak(200000, sink); });
  const double peak = flops / seconds * threads;
  std::printf("%s, %u thread(s), peak %.1f GFLOP/s\n",
              stint::cpu::simd_level_name(stint::cpu::simd_level()), threads, peak * 1e-9);
  SpinPool pool(threads);
  for (const Layer& l : kLayers) bench(l, threads, pool, peak);
}
#endif
