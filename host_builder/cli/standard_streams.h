// Standard input, output and error of the program, however it was started.
#pragma once

namespace stint::builder {

/// To be called first: a stream that is closed is opened in a way that fails every use. Otherwise
/// the next file would get its number, and a message could end in the middle of a plan.
void occupy_closed_streams();

/// To be called last: whether everything written to standard output has reached it. Says on
/// standard error what is wrong if not.
bool finish_standard_output();

}  // namespace stint::builder
