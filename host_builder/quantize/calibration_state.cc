#include "host_builder/quantize/calibration_state.h"

#include <cmath>
#include <cstring>
#include <type_traits>

#include "host_builder/support/error.h"
#include "host_builder/support/read_file.h"
#include "plan_schema/checksum.h"

namespace stint::builder {
namespace {

constexpr char kMagic[8] = {'s', 't', 'i', 'n', 't', 'c', 'a', '1'};

class Writer {
 public:
  template <typename T>
  void add(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto* p = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), p, p + sizeof value);
  }
  std::vector<std::byte> finish() {
    add(checksum64(bytes_.data(), bytes_.size()));
    return std::move(bytes_);
  }

 private:
  std::vector<std::byte> bytes_;
};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : rest_(bytes) {}
  /// False: there is not that much left.
  template <typename T>
  bool get(T* value) {
    if (rest_.size() < sizeof *value) return false;
    std::memcpy(value, rest_.data(), sizeof *value);
    rest_ = rest_.subspan(sizeof *value);
    return true;
  }
  size_t left() const { return rest_.size(); }

 private:
  std::span<const std::byte> rest_;
};

bool get_extent(Reader& reader, ValueExtent* extent) {
  uint8_t has_nan = 0;
  if (!reader.get(&extent->low) || !reader.get(&extent->high) || !reader.get(&has_nan))
    return false;
  extent->has_nan = has_nan != 0;
  return !std::isnan(extent->low) && !std::isnan(extent->high) && has_nan <= 1;
}

}  // namespace

std::vector<std::byte> state_bytes(const CalibrationState& state) {
  Writer writer;
  writer.add(kMagic);
  writer.add(state.identity);
  writer.add(state.pass);
  writer.add(state.runs);
  writer.add(uint64_t{state.sample_sums.size()});
  writer.add(uint64_t{state.extents.size()});
  writer.add(uint64_t{state.histograms.size()});
  for (const uint64_t sum : state.sample_sums) writer.add(sum);
  for (const ValueExtent& extent : state.extents) {
    writer.add(extent.low);
    writer.add(extent.high);
    writer.add(static_cast<uint8_t>(extent.has_nan ? 1 : 0));
  }
  for (const Histogram& histogram : state.histograms) {
    writer.add(histogram.amax);
    writer.add(histogram.counts);
  }
  return writer.finish();
}

std::optional<CalibrationState> parse_state(const std::vector<std::byte>& bytes) {
  uint64_t sum = 0;
  if (bytes.size() < sizeof sum) return std::nullopt;
  const size_t content = bytes.size() - sizeof sum;
  std::memcpy(&sum, bytes.data() + content, sizeof sum);
  if (sum != checksum64(bytes.data(), content)) return std::nullopt;
  Reader reader({bytes.data(), content});
  CalibrationState state;
  char magic[sizeof kMagic];
  uint64_t sums = 0, extents = 0, histograms = 0;
  if (!reader.get(&magic) || std::memcmp(magic, kMagic, sizeof magic) != 0 ||
      !reader.get(&state.identity) || !reader.get(&state.pass) || !reader.get(&state.runs) ||
      !reader.get(&sums) || !reader.get(&extents) || !reader.get(&histograms))
    return std::nullopt;
  const bool has_histograms = state.pass == 1;
  // Every part has at least a byte an entry: no count can ask for more memory than the file has.
  if (state.pass > 1 || sums > reader.left() || extents > reader.left() ||
      histograms != (has_histograms ? extents : 0) || state.runs > sums)
    return std::nullopt;
  for (uint64_t i = 0; i < sums; ++i)
    if (!reader.get(&state.sample_sums.emplace_back())) return std::nullopt;
  for (uint64_t i = 0; i < extents; ++i)
    if (!get_extent(reader, &state.extents.emplace_back())) return std::nullopt;
  for (uint64_t i = 0; i < histograms; ++i) {
    Histogram& histogram = state.histograms.emplace_back();
    if (!reader.get(&histogram.amax) || !reader.get(&histogram.counts) ||
        !(histogram.amax >= kLeastAmax) || std::isinf(histogram.amax))
      return std::nullopt;
  }
  if (reader.left() != 0) return std::nullopt;
  return state;
}

std::optional<CalibrationState> read_state(const std::filesystem::path& path,
                                           const Sha256Digest& identity, size_t values) {
  std::error_code error;
  if (path.empty() || !std::filesystem::is_regular_file(path, error)) return std::nullopt;
  std::optional<CalibrationState> state;
  try {
    state = parse_state(read_file(path));
  } catch (const BuildError&) {
    return std::nullopt;  // what cannot be read is begun again
  }
  if (state && (state->identity != identity || state->extents.size() != values))
    return std::nullopt;
  return state;
}

}  // namespace stint::builder
