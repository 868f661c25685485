// The part of the bindings that concerns filter banks.
#pragma once

#include <nanobind/nanobind.h>

namespace imgfilt {

void bind_bank(nanobind::module_& m);

}  // namespace imgfilt
