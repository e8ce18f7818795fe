#include "host_builder/support/temporary_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <ctime>

namespace stint::builder {
namespace {

// Names that a signal handler may read: it can neither lock nor allocate. A file beyond the last
// slot is written like the others, only a signal does not remove it; threads that write are fewer.
constexpr size_t kSlots = 256;
std::array<std::atomic<const char*>, kSlots> names;
std::atomic<bool> is_ending{false};
static_assert(std::atomic<const char*>::is_always_lock_free);
static_assert(std::atomic<bool>::is_always_lock_free);

size_t register_name(const char* name) {
  for (size_t i = 0; i < kSlots; ++i) {
    const char* none = nullptr;
    if (names[i].compare_exchange_strong(none, name)) return i;
  }
  return kSlots;
}

void unregister_name(size_t slot) {
  if (slot == kSlots) return;
  names[slot].store(nullptr);
  // The handler may have taken the name before: its memory must last until the process ends.
  while (is_ending.load()) pause();
}

void remove_and_end(int signal) {
  is_ending.store(true);
  for (const std::atomic<const char*>& entry : names) {
    if (const char* name = entry.load(); name != nullptr) unlink(name);
  }
  struct sigaction usual = {};
  usual.sa_handler = SIG_DFL;
  sigaction(signal, &usual, nullptr);
  raise(signal);  // delivered when this handler returns
}

void let_the_write_fail(int) {}

std::string random_name() {
  uint64_t number = 0;
  if (getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number))
    number = static_cast<uint64_t>(getpid()) << 32 ^ static_cast<uint64_t>(time(nullptr));
  char text[40];
  std::snprintf(text, sizeof text, ".stint-%016llx.part", static_cast<unsigned long long>(number));
  return text;
}

}  // namespace

TemporaryFile::TemporaryFile(const std::filesystem::path& folder) {
  constexpr int kTries = 100;
  for (int i = 0; i < kTries && fd_ < 0; ++i) {
    name_ = (folder / random_name()).string();
    // The name is known to the handler before the file is there.
    slot_ = register_name(name_.c_str());
    // With the rights of any new file: what the umask leaves of them.
    fd_ = open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ >= 0) return;
    const int error = errno;
    forget();
    errno = error;
    if (error != EEXIST && error != EINTR) return;
  }
}

TemporaryFile::~TemporaryFile() {
  if (fd_ < 0) return;
  close(fd_);
  if (name_.empty()) return;
  unlink(name_.c_str());
  forget();
}

void TemporaryFile::forget() {
  unregister_name(slot_);
  name_.clear();
}

bool TemporaryFile::write_all(const std::vector<std::byte>& bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = write(fd_, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

bool TemporaryFile::take_mode_of(const std::filesystem::path& path) {
  struct stat replaced = {};
  if (stat(path.c_str(), &replaced) != 0) return errno == ENOENT;
  return fchmod(fd_, replaced.st_mode & 0777) == 0;
}

bool TemporaryFile::sync() { return fsync(fd_) == 0; }

bool TemporaryFile::rename_to(const std::filesystem::path& path) {
  if (std::rename(name_.c_str(), path.c_str()) != 0) return false;
  forget();
  return true;
}

void remove_temporary_files_on_signals() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
    struct sigaction action = {};
    if (sigaction(signal, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) continue;
    action = {};
    action.sa_handler = remove_and_end;
    sigfillset(&action.sa_mask);
    sigaction(signal, &action, nullptr);
  }
  // Handled, not ignored: an ignored signal would stay so in the programs that this one starts.
  struct sigaction action = {};
  action.sa_handler = let_the_write_fail;
  action.sa_flags = SA_RESTART;
  sigaction(SIGXFSZ, &action, nullptr);
}

}  // namespace stint::builder
