// The part of the bindings that concerns transposed convolutions.
#pragma once

#include <nanobind/nanobind.h>

namespace imgfilt {

void bind_transposed(nanobind::module_& m);

}  // namespace imgfilt
