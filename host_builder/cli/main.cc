// stint: the command line. Exit codes: 0 ok, 1 the work failed (message on stderr), 2 bad usage.
#include <cstdio>
#include <exception>
#include <new>

#include "core/include/stint/stint.h"
#include "host_builder/cli/commands.h"
#include "host_builder/graph/error.h"

namespace {

int run(int argc, char** argv) {
  CLI::App app{"Compiles trained networks ahead of time into plan files and runs them."};
  app.name("stint");
  app.require_subcommand(1);
  app.set_version_flag("--version", STINT_VERSION_STRING);
  using namespace stint::builder;
  add_build_command(app);
  add_run_command(app);
  add_bench_command(app);
  add_inspect_command(app);
  add_verify_command(app);
  add_targets_command(app);
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const UsageError& error) {
    std::fprintf(stderr, "stint: %s\n", error.what());
    return 2;
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "stint: not enough memory for this work\n");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "stint: %s\n", error.what());
  } catch (...) {
    std::fprintf(stderr, "stint: failed for a reason it cannot name\n");
  }
  return 1;
}
