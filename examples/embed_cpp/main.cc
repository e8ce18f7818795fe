// Embedding Stint in C++ with the conveniences: a plan file, and an engine that brings its
// own memory.
//
//   embed_cpp PLAN [RUNS]
//
// Runs the plan's first batch size on a synthetic frame (or a ramp for tensor inputs), prints the
// time of the slowest steps and the detections.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "stint/engine.hpp"

namespace {

bool failed(const char* what, const stint_status& status) {
  if (stint::ok(status)) return false;
  std::fprintf(stderr, "%s: %s\n", what, stint::describe(status).c_str());
  return true;
}

/// A horizontal ramp in NV12, as a camera would deliver it.
struct Frame {
  static constexpr uint32_t kWidth = 640, kHeight = 480;
  std::vector<uint8_t> luma = std::vector<uint8_t>(kWidth * kHeight);
  std::vector<uint8_t> chroma = std::vector<uint8_t>(kWidth * kHeight / 2, 128);

  Frame() {
    for (size_t i = 0; i < luma.size(); ++i)
      luma[i] = static_cast<uint8_t>(16 + i % kWidth * 219 / kWidth);
  }
  stint_image image() const {
    stint::Image image;
    image.planes[0] = luma.data();
    image.planes[1] = chroma.data();
    image.strides[0] = image.strides[1] = static_cast<int32_t>(kWidth);
    image.width = kWidth;
    image.height = kHeight;
    image.format = STINT_FORMAT_NV12;
    image.matrix = STINT_MATRIX_BT601;
    image.range = STINT_RANGE_LIMITED;
    return image;
  }
};

bool bind_inputs(const std::vector<stint::BindingInfo>& inputs, uint32_t batch,
                 stint::Session& session, const Frame& frame) {
  for (uint32_t i = 0; i < inputs.size(); ++i) {
    const stint::BindingInfo& info = inputs[i];
    if (info.kind == STINT_BINDING_IMAGE) {
      for (uint32_t slot = 0; slot < batch; ++slot) {
        if (failed("binding the frame", session.bind_image(i, slot, frame.image()))) return false;
      }
    } else if (info.dtype == STINT_DTYPE_F32) {
      auto* values = static_cast<float*>(session.input_data(i));
      for (uint64_t k = 0; k < info.bytes / sizeof(float); ++k)
        values[k] = static_cast<float>(k % 256) / 255.0f;
    } else {
      std::memset(session.input_data(i), 0, info.bytes);
    }
  }
  return true;
}

void print_slowest_steps(const stint::Session& session) {
  uint32_t count = 0;
  if (failed("profile", session.read_profile(nullptr, 0, &count))) return;
  std::vector<stint_step_profile> steps(count);
  if (failed("profile", session.read_profile(steps.data(), count, &count))) return;
  std::sort(steps.begin(), steps.end(),
            [](const auto& a, const auto& b) { return a.total_ns > b.total_ns; });
  for (size_t i = 0; i < steps.size() && i < 5; ++i) {
    std::printf("%9.1f us  %s (%s)\n",
                static_cast<double>(steps[i].total_ns) / 1e3 /
                    static_cast<double>(std::max<uint64_t>(1, steps[i].runs)),
                steps[i].name, steps[i].kernel);
  }
}

void print_results(const stint::Plan& plan, const std::vector<stint::BindingInfo>& outputs,
                   stint::Session& session) {
  for (const stint::BindingInfo& info : outputs)
    std::printf("output %s: %llu bytes\n", info.name, static_cast<unsigned long long>(info.bytes));
  stint::Detections found;
  if (!stint::ok(session.detections(0, &found))) return;  // not a detector
  std::printf("%u detections\n", found.size());
  for (uint32_t i = 0; i < found.size(); ++i) {
    std::printf("  %s %.3f [%.1f %.1f %.1f %.1f]\n",
                plan.label(static_cast<uint32_t>(found[i].class_id)),
                static_cast<double>(found[i].score), static_cast<double>(found[i].x1),
                static_cast<double>(found[i].y1), static_cast<double>(found[i].x2),
                static_cast<double>(found[i].y2));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fprintf(stderr, "usage: %s PLAN [RUNS]\n", argv[0]);
    return 2;
  }
  const int runs = argc == 3 ? std::atoi(argv[2]) : 1;
  stint::PlanFile file;
  if (failed(argv[1], file.open(argv[1]))) return 1;
  std::vector<uint32_t> batches;
  if (failed(argv[1], stint::list_batches(file.plan(), nullptr, &batches))) return 1;
  stint::Options options;
  options.threads = 2;
  options.profile = 1;
  stint::OwnedEngine engine;  // what the sessions of all batch sizes share
  stint::Program program;
  stint::OwnedSession owned;
  std::vector<stint::BindingInfo> inputs, outputs;
  if (failed("engine", engine.create(file.plan(), nullptr, options)) ||
      failed("program", program.open(file.plan(), nullptr, batches[0])) ||
      failed("bindings", stint::list_bindings(program, &inputs, &outputs)) ||
      failed("session", owned.create(engine, program, options))) {
    return 1;
  }
  stint::Session& session = owned.session();
  const Frame frame;
  if (!bind_inputs(inputs, batches[0], session, frame)) return 1;
  for (int i = 0; i < runs; ++i) {
    if (failed("run", session.run())) return 1;
  }
  print_slowest_steps(session);
  print_results(file.plan(), outputs, session);
  return 0;
}
