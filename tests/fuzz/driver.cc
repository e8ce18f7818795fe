// Runs a fuzz target over mutated seeds without a fuzzing engine, so that it runs wherever the
// tests do. Deterministic: the same seed gives the same inputs. An input that crashes, hangs or
// trips a sanitizer is written to crash-SEED-INDEX.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "tests/fuzz/mutator.h"

// Present under sanitizers only.
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

constexpr unsigned kSecondsPerInput =
    20;  // sanitizers on a busy machine need milliseconds; more is a hang

// The input being run, for whoever dies with it.
const FuzzBytes* current = nullptr;
char crash_file[64];

void keep_current() {
  if (current == nullptr) return;
  const int file = open(crash_file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0) return;
  const ssize_t written = write(file, current->data(), current->size());
  close(file);
  const char* message = written < 0 ? "the input could not be kept: " : "input kept in ";
  if (write(2, message, std::strlen(message)) > 0 &&
      write(2, crash_file, std::strlen(crash_file)) > 0 && write(2, "\n", 1) > 0) {
    current = nullptr;
  }
}

void on_signal(int signal) {
  const char* message = signal == SIGALRM ? "hang: an input took too long\n" : "crash\n";
  if (write(2, message, std::strlen(message)) < 0) _exit(3);
  keep_current();
  _exit(3);
}

struct Arguments {
  uint64_t count = 1000;
  double seconds = 1e9;
  uint64_t seed = 1;
  std::vector<std::string> paths;  // corpus folders and files
  bool replay = false;             // run the files as they are
};

int usage() {
  std::fprintf(stderr,
               "usage: fuzz [--count N] [--seconds S] [--seed K] [--replay] [FILE|FOLDER]...\n"
               "  mutates the files (or built-in seeds); --replay runs them unchanged\n");
  return 2;
}

bool parse(int argc, char** argv, Arguments* arguments) {
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
    if (flag == "--replay") {
      arguments->replay = true;
    } else if (flag.rfind("--", 0) != 0) {
      arguments->paths.push_back(flag);
    } else if (value == nullptr) {
      return false;
    } else if (flag == "--count") {
      arguments->count = std::strtoull(argv[++i], nullptr, 10);
    } else if (flag == "--seconds") {
      arguments->seconds = std::strtod(argv[++i], nullptr);
    } else if (flag == "--seed") {
      arguments->seed = std::strtoull(argv[++i], nullptr, 10);
    } else {
      return false;
    }
  }
  return true;
}

/// The files of a folder in order of name, or the file itself.
std::vector<std::string> files_of(const std::string& path) {
  DIR* folder = opendir(path.c_str());
  if (folder == nullptr) return {path};
  std::vector<std::string> files;
  while (const dirent* entry = readdir(folder)) {
    if (entry->d_name[0] != '.') files.push_back(path + "/" + entry->d_name);
  }
  closedir(folder);
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<FuzzBytes> read_inputs(const Arguments& arguments) {
  if (arguments.paths.empty()) return fuzz_seeds();
  std::vector<FuzzBytes> inputs;
  for (const std::string& path : arguments.paths) {
    for (const std::string& file : files_of(path)) {
      std::ifstream stream(file, std::ios::binary);
      if (!stream) std::fprintf(stderr, "cannot read %s\n", file.c_str());
      inputs.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
    }
  }
  return inputs;
}

void run_one(const FuzzBytes& input) {
  current = &input;
  alarm(kSecondsPerInput);
  LLVMFuzzerTestOneInput(input.data(), input.size());
  alarm(0);
  current = nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!parse(argc, argv, &arguments)) return usage();
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(keep_current);
  signal(SIGALRM, on_signal);
  if (__sanitizer_set_death_callback == nullptr) {
    for (int fatal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) signal(fatal, on_signal);
  }
  const std::vector<FuzzBytes> seeds = read_inputs(arguments);
  if (seeds.empty()) {
    std::fprintf(stderr, "no input to start from\n");
    return 2;
  }
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  for (size_t i = 0; i < seeds.size(); ++i) {
    std::snprintf(crash_file, sizeof crash_file, "crash-input-%zu", i);
    run_one(seeds[i]);
  }
  uint64_t done = 0;
  stint::test::Mutator mutator(arguments.seed);
  for (; !arguments.replay && done < arguments.count && elapsed() < arguments.seconds; ++done) {
    FuzzBytes input = mutator.mutate(seeds);
    if (mutator.below(8) != 0) fuzz_fix_up(&input);
    std::snprintf(crash_file, sizeof crash_file, "crash-%llu-%llu",
                  static_cast<unsigned long long>(arguments.seed),
                  static_cast<unsigned long long>(done));
    run_one(input);
  }
  std::printf("%zu seeds, %llu mutated inputs in %.1f s; %s\n", seeds.size(),
              static_cast<unsigned long long>(done), elapsed(), fuzz_summary().c_str());
  return 0;
}
