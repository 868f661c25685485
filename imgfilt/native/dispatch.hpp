// Chooses the instruction set once, when the module is loaded.
#pragma once

#include <string>
#include <vector>

#include "area_kernels.hpp"
#include "bank_kernels.hpp"
#include "box_kernels.hpp"
#include "fft_kernels.hpp"
#include "probe_kernels.hpp"
#include "row_kernels.hpp"
#include "transposed_kernels.hpp"

namespace imgfilt {

struct Kernels {
    const char* name;
    const RowKernels* row;
    const AreaKernels* area;
    const BoxKernels* box;
    const TransposedKernels* transposed;
    const BankKernels* bank;
    const FourierKernels* fourier;
    const ProbeKernels* probe;
};

// The kernels in use. IMGFILT_ISA=v2|v3|v4 in the environment forces a level; throws std::runtime_error when
// it names one that is unknown or that this processor lacks.
const Kernels& kernels();

// The levels that this processor can run, lowest first.
std::vector<std::string> supported_isas();

}  // namespace imgfilt
