#include "gst_plugin/engine/pacer.h"

#include <doctest/doctest.h>

#include "gst_plugin/engine/media_time.h"

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

TEST_CASE("max-rate goes on after a jump, and a higher rate counts from the next frame") {
  Pacer pacer;
  CHECK(pacer.admit(1, kSecond, 100 * kSecond) == SkipReason::kNone);
  CHECK(pacer.admit(1, kSecond, 100 * kSecond + 1) == SkipReason::kMaxRate);
  CHECK(pacer.admit(1, kSecond, 500 * kSecond) == SkipReason::kNone);
  CHECK(pacer.admit(1, kSecond, 500 * kSecond + 1) == SkipReason::kMaxRate);
  CHECK(pacer.admit(1, kSecond / 10, 500 * kSecond + 2) == SkipReason::kNone);
}

namespace {

/// How many of `frames` pass at five a second, with time stamps from `pts`, arriving `gap` apart.
template <typename Pts>
int admitted_of(int frames, Pts pts, bool reverse, uint64_t frame_ns, Nanoseconds gap) {
  MediaTime time;
  Pacer pacer;
  int count = 0;
  TimePoint now{};
  for (int i = 0; i < frames; ++i, now += gap) {
    const uint64_t at = time.advance(pts(static_cast<uint64_t>(i)), reverse, frame_ns, now);
    if (pacer.admit(1, kSecond / 5, at) == SkipReason::kNone) ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("max-rate is kept in either direction of play, and where time stamps are of no use") {
  using namespace std::chrono_literals;
  using Pts = std::optional<uint64_t>;
  constexpr uint64_t kFrame = kSecond / 30;
  const auto forward = [](uint64_t i) { return Pts(i * kFrame); };
  const auto backward = [](uint64_t i) { return Pts((1000 - i) * kFrame); };
  const auto none = [](uint64_t) { return Pts(); };
  const auto same = [](uint64_t) { return Pts(7); };
  const auto looping = [](uint64_t i) { return Pts(i % 30 * kFrame); };
  const auto some = [](uint64_t i) { return i % 3 == 0 ? Pts(i * kFrame) : Pts(); };
  // Four seconds at 30 a second: 20, however fast the frames come.
  for (const Nanoseconds gap : {Nanoseconds(1us), Nanoseconds(33ms)}) {
    CAPTURE(gap.count());
    CHECK(admitted_of(120, forward, false, 0, gap) == 20);
    CHECK(admitted_of(120, forward, false, kFrame, gap) == 20);
    CHECK(admitted_of(120, backward, true, 0, gap) == 20);
    CHECK(admitted_of(120, backward, false, kFrame, gap) == 20);  // in a stream said to go forward
    CHECK(admitted_of(120, none, false, kFrame, gap) == 20);
    CHECK(admitted_of(120, same, false, kFrame, gap) == 20);
    CHECK(admitted_of(120, looping, false, kFrame, gap) == 20);
    CHECK(admitted_of(120, some, false, kFrame, gap) == 20);
  }
  // Nothing is known of the stream's time: by arrival.
  CHECK(admitted_of(120, none, false, 0, 33333us) == 20);
  CHECK(admitted_of(120, same, false, 0, 33333us) == 20);
  CHECK(admitted_of(120, none, false, 0, 1us) == 1);
  CHECK(admitted_of(120, none, false, 0, 1s) == 120);
}

TEST_CASE("no time stamp makes the time of a stream go back or overflow") {
  MediaTime time;
  uint64_t before = 0;
  for (const uint64_t pts :
       {uint64_t{5}, UINT64_MAX - 1, uint64_t{0}, UINT64_MAX - 1, uint64_t{3}}) {
    const uint64_t now = time.advance(pts, false, 10, TimePoint{});
    CHECK(now >= before);
    before = now;
  }
  CHECK(before < 3 * 86400 * kSecond);
  CHECK_FALSE(time.stamped());
  time.advance(4, false, 10, TimePoint{});
  CHECK(time.stamped());
}
