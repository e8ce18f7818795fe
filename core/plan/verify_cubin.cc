// Machine code is given to the CUDA driver as an address without a length, so that everything its
// ELF headers point to must lie inside the segment.
#include <elf.h>

#include <cstring>

#include "core/plan/checked.h"
#include "core/plan/verify.h"

namespace stint {
namespace {

constexpr uint16_t kMachineCuda = 190;  // EM_CUDA

Status verify_sections(const unsigned char* code, uint64_t bytes, const Elf64_Ehdr& header,
                       uint32_t segment) {
  // Counts of 0 with a table elsewhere (more than 65,279 sections) are not written by NVRTC.
  if (!range_inside(header.e_shoff, uint64_t{header.e_shnum} * sizeof(Elf64_Shdr), bytes) ||
      !range_inside(header.e_phoff, uint64_t{header.e_phnum} * sizeof(Elf64_Phdr), bytes)) {
    return corrupt_at(at_segment(segment),
                      "machine code: a table of its ELF file lies outside the segment",
                      static_cast<int64_t>(header.e_shoff), static_cast<int64_t>(bytes));
  }
  for (uint32_t i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    std::memcpy(&section, code + header.e_shoff + i * sizeof section, sizeof section);
    if (section.sh_type != SHT_NOBITS && !range_inside(section.sh_offset, section.sh_size, bytes)) {
      return corrupt_at(at_segment(segment),
                        "machine code: a section of its ELF file lies outside the segment",
                        static_cast<int64_t>(section.sh_offset), static_cast<int64_t>(bytes));
    }
  }
  for (uint32_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr part;
    std::memcpy(&part, code + header.e_phoff + i * sizeof part, sizeof part);
    if (!range_inside(part.p_offset, part.p_filesz, bytes)) {
      return corrupt_at(at_segment(segment),
                        "machine code: a part of its ELF file lies outside the segment",
                        static_cast<int64_t>(part.p_offset), static_cast<int64_t>(bytes));
    }
  }
  return ok_status();
}

}  // namespace

Status verify_cubin(const Frame& frame, uint32_t segment) {
  const SegmentEntry& entry = frame.segments[segment];
  const unsigned char* code = frame.begin + entry.offset;
  Elf64_Ehdr header;
  if (entry.bytes < sizeof header) {
    return corrupt_at(at_segment(segment), "machine code: it is shorter than an ELF header",
                      static_cast<int64_t>(entry.bytes), sizeof header);
  }
  std::memcpy(&header, code, sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_machine != kMachineCuda) {
    return corrupt_at(at_segment(segment), "machine code: it is not a CUDA ELF file",
                      header.e_machine, kMachineCuda);
  }
  if ((header.e_shnum != 0 && header.e_shentsize != sizeof(Elf64_Shdr)) ||
      (header.e_phnum != 0 && header.e_phentsize != sizeof(Elf64_Phdr))) {
    return corrupt_at(at_segment(segment),
                      "machine code: its ELF tables have entries of another size",
                      header.e_shentsize, sizeof(Elf64_Shdr));
  }
  return verify_sections(code, entry.bytes, header, segment);
}

}  // namespace stint
