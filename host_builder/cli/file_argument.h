// Names of files on the command line.
#pragma once

#include <CLI/CLI.hpp>

namespace stint::builder {

/// Refuses "" and "-": nothing here reads standard input or writes files to standard output, and a
/// file called "-" is nobody's wish.
const CLI::Validator& file_name();

}  // namespace stint::builder
