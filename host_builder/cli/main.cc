// stint: the command line. Exit codes: 0 ok, 1 the work failed or standard output could not be
// written (message on stderr), 2 bad usage.
#include <cstdio>
#include <exception>
#include <new>

#include "core/include/stint/stint.h"
#include "host_builder/cli/commands.h"
#include "host_builder/cli/standard_streams.h"
#include "host_builder/support/error.h"
#include "host_builder/support/temporary_file.h"

namespace {

/// The parser would only say that a command is missing.
void check_command(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return;
  std::string known;
  for (const CLI::App* command : app.get_subcommands(nullptr)) {
    if (command->check_name(argv[1])) return;
    known += (known.empty() ? "" : ", ") + command->get_name();
  }
  throw stint::builder::UsageError(std::string("there is no command '") + argv[1] +
                                   "'; the commands are " + known +
                                   " (stint COMMAND --help tells what each takes)");
}

int run(int argc, char** argv) {
  CLI::App app{"Compiles trained networks ahead of time into plan files and runs them."};
  app.name("stint");
  app.require_subcommand(1);
  app.set_version_flag("--version", STINT_VERSION_STRING);
  using namespace stint::builder;
  add_build_command(app);
  add_run_command(app);
  add_bench_command(app);
  add_eval_command(app);
  add_inspect_command(app);
  add_verify_command(app);
  add_targets_command(app);
  try {
    check_command(app, argc, argv);
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const UsageError& error) {
    std::fprintf(stderr, "stint: %s\n", error.what());
    return 2;
  }
}

int run_to_end(int argc, char** argv) {
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

}  // namespace

int main(int argc, char** argv) {
  stint::builder::occupy_closed_streams();
  stint::builder::remove_temporary_files_on_signals();
  const int code = run_to_end(argc, argv);
  return !stint::builder::finish_standard_output() && code == 0 ? 1 : code;
}
