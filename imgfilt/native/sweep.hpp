// The run of a row program over a stripe of rows, on one thread.
#pragma once

#include "program.hpp"

namespace imgfilt {

// Rows first .. last - 1 of the output.
void sweep(const Program& program, const View& in, const View& out, Border border, double cval, int64_t first,
           int64_t last);

}  // namespace imgfilt
