#include "gst_plugin/engine/pacer.h"

#include <doctest/doctest.h>

using namespace stint::gst;

namespace {
constexpr uint64_t kSecond = 1'000'000'000;

int admitted(Pacer& pacer, int frames, uint64_t frame_ns, uint64_t interval_ns) {
  int count = 0;
  for (int i = 0; i < frames; ++i) {
    if (pacer.admit(1, interval_ns, static_cast<uint64_t>(i) * frame_ns) == SkipReason::kNone)
      ++count;
  }
  return count;
}
}  // namespace

TEST_CASE("every-n takes one frame in n, and streams of different phase take turns") {
  for (uint32_t phase = 0; phase < 3; ++phase) {
    Pacer pacer;
    pacer.restart(phase);
    for (uint32_t i = 0; i < 12; ++i) {
      const SkipReason reason = pacer.admit(3, 0, i);
      CHECK(reason == (i % 3 == phase ? SkipReason::kNone : SkipReason::kEveryN));
    }
  }
}

TEST_CASE("max-rate keeps the mean rate in spite of rounded frame times") {
  const struct {
    uint64_t fps, rate;
    int seconds, expect;
  } cases[] = {
      {30, 10, 10, 100}, {25, 10, 10, 100}, {30, 30, 10, 300}, {15, 30, 10, 150}, {30, 7, 10, 70}};
  for (const auto& c : cases) {
    CAPTURE(c.fps);
    CAPTURE(c.rate);
    Pacer pacer;
    const int frames = static_cast<int>(c.fps) * c.seconds;
    const int count = admitted(pacer, frames, kSecond / c.fps, kSecond / c.rate);
    CHECK(count >= c.expect - 1);
    CHECK(count <= c.expect + 1);
  }
}

TEST_CASE("max-rate goes on after a jump in either direction and without time stamps") {
  Pacer pacer;
  CHECK(pacer.admit(1, kSecond, 100 * kSecond) == SkipReason::kNone);
  CHECK(pacer.admit(1, kSecond, 100 * kSecond + 1) == SkipReason::kMaxRate);
  CHECK(pacer.admit(1, kSecond, 500 * kSecond) == SkipReason::kNone);
  CHECK(pacer.admit(1, kSecond, 500 * kSecond + 1) == SkipReason::kMaxRate);
  CHECK(pacer.admit(1, kSecond, 3 * kSecond) == SkipReason::kNone);
  CHECK(pacer.admit(1, kSecond, 3 * kSecond + 1) == SkipReason::kMaxRate);
  CHECK(pacer.admit(1, kSecond, std::nullopt) == SkipReason::kNone);
}
