#include "tests/support/host_warpgroup.h"

#include <cstring>

#include "tests/support/host_factors.h"

namespace stint::test {
namespace {

constexpr unsigned kWarp = 32, kRows = 16;

/// Lines of 32 bytes of k from `first` on of the operand. Swizzled rows: 128 bytes from line to
/// line, the 16-byte chunks permuted as the 128-byte swizzle does it, by the address's own bits.
std::string read(std::vector<unsigned char>& into, const SharedTiles& memory,
                 const HostOperand& operand, unsigned first, unsigned lines) {
  const unsigned address = operand.address;
  const bool swizzled = operand.pitch == 0;
  if (swizzled && (address % 1024 % 32 != 0 || address % 1024 >= 128))
    return "an operand of wgmma that does not start at a multiple of 1024, or of 32 bytes";
  if (!swizzled && (address % 16 != 0 || operand.pitch % 16 != 0 || operand.pitch >= 1 << 18))
    return "an operand of wgmma whose planes do not start at multiples of 16";
  into.resize(static_cast<size_t>(lines) * kFactorBytes);
  for (unsigned line = 0; line < lines; ++line)
    for (unsigned chunk = 0; chunk < 2; ++chunk) {
      unsigned at = swizzled ? address + (first + line) * 128 + chunk * 16
                             : address + (first + line) * 16 + chunk * operand.pitch;
      if (swizzled) at ^= at >> 7 << 4 & 0x70;
      if (at < memory.start || at - memory.start + 16 > memory.bytes)
        return "an operand of wgmma lies outside of shared memory";
      if ((*memory.unseen)[(at - memory.start) / 16])
        return "an operand of wgmma was copied and not shown to the tensor cores";
      std::memcpy(&into[line * kFactorBytes + chunk * 16], memory.shared + (at - memory.start), 16);
    }
  return "";
}

/// Every line of 32 bytes as its factors, `kFactorBytes` apart.
std::vector<float> factors(const std::vector<unsigned char>& lines, HostFactors kind, bool first) {
  std::vector<float> result(lines.size());
  for (size_t at = 0; at < lines.size(); at += kFactorBytes)
    unpack_factors(&result[at], &lines[at], kFactorBytes, kind, first);
  return result;
}

}  // namespace

std::string WarpProducts::start(const SharedTiles& memory, unsigned warp, const Operands& operands,
                                const std::vector<void*>& sums) {
  Product p;
  p.operands = operands;
  p.first_row = warp % 4 * kRows;
  p.group = groups_;
  p.sums = sums;
  std::string wrong = read(p.a, memory, operands.a, p.first_row, kRows);
  if (wrong.empty()) wrong = read(p.b, memory, operands.b, 0, operands.blocks * 8);
  products_.push_back(std::move(p));
  return wrong;
}

/// Lane i has rows i / 4 and i / 4 + 8 of the warp, of every 8 columns i % 4 * 2 and the next one.
std::string WarpProducts::wait(const SharedTiles& memory, int pending) {
  size_t done = 0;
  for (; done < products_.size(); ++done) {
    Product& p = products_[done];
    if (p.group == groups_) return "products are waited for that no group holds";
    if (p.group + static_cast<unsigned>(pending) >= groups_) break;
    std::vector<unsigned char> a, b;
    std::string wrong = read(a, memory, p.operands.a, p.first_row, kRows);
    if (wrong.empty()) wrong = read(b, memory, p.operands.b, 0, p.operands.blocks * 8);
    if (!wrong.empty()) return wrong;
    if (a != p.a || b != p.b) return "an operand of wgmma changes while it is multiplied";
    const HostFactors kind = p.operands.factors;
    const std::vector<float> rows = factors(a, kind, true), columns = factors(b, kind, false);
    for (unsigned lane = 0; lane < kWarp; ++lane)
      for (unsigned i = 0; i < p.operands.blocks * 4; ++i)
        add_products(p.sums[lane], i, &rows[(lane / 4 + i % 4 / 2 * 8) * kFactorBytes],
                     &columns[(i / 4 * 8 + lane % 4 * 2 + i % 2) * kFactorBytes], kind);
  }
  products_.erase(products_.begin(), products_.begin() + static_cast<std::ptrdiff_t>(done));
  return "";
}

void WarpProducts::clear() {
  products_.clear();
  groups_ = 0;
}

}  // namespace stint::test
